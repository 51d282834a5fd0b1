// A route that leads nowhere.
import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { Empty } from "../components/Empty";
import { Page } from "../components/Page";

export function NotFound() {
  return (
    <Page title="Not found">
      <Empty
        icon={IconMapOff}
        title="There is no such page"
        action={
          <Button component={Link} to="/">
            To the overview
          </Button>
        }
      >
        The address may be mistyped, or from a newer version.
      </Empty>
    </Page>
  );
}
