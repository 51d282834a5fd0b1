// The way to what is older in a list that goes by cursor, and back to the newest.
import { Button } from "@mantine/core";
import { IconArrowBarUp, IconChevronRight } from "@tabler/icons-react";
import { Link, useSearchParams } from "react-router";
import { changed } from "../app/urlState";
import classes from "./Pages.module.css";

export function CursorPages({ cursor, next }: { cursor: string; next: string | null }) {
  const [params] = useSearchParams();
  if (!cursor && !next) return null;
  const search = (to: string | null) => changed(params, { cursor: to }).toString();
  return (
    <nav className={classes.pages} aria-label="Pages">
      <Button
        component={Link}
        to={{ search: search(null) }}
        variant="subtle"
        color="gray"
        size="xs"
        leftSection={<IconArrowBarUp size={15} />}
        style={{ visibility: cursor ? "visible" : "hidden" }}
      >
        Newest
      </Button>
      {next && (
        <Button
          component={Link}
          to={{ search: search(next) }}
          variant="default"
          size="xs"
          rightSection={<IconChevronRight size={15} />}
        >
          Older
        </Button>
      )}
    </nav>
  );
}
