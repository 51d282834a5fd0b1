// An empty call log, or one in which nothing fits.
import { Button } from "@mantine/core";
import { IconListDetails, IconSearchOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { Empty } from "../../components/Empty";

export function NoCalls({ narrowed }: { narrowed: boolean }) {
  if (narrowed) {
    return (
      <Empty
        icon={IconSearchOff}
        title="No call fits"
        action={
          <Button component={Link} to={{ search: "" }} variant="default">
            Clear the filters
          </Button>
        }
      >
        No call has all of what you are looking for.
      </Empty>
    );
  }
  return (
    <Empty
      icon={IconListDetails}
      title="No call yet"
      action={
        <Button component={Link} to="/token">
          To the API keys
        </Button>
      }
    >
      As soon as a program calls a model with one of your keys, the call stands here.
    </Empty>
  );
}
