// Which part of a list is seen, and the way to the others.
import { Pagination, Text } from "@mantine/core";
import { formatCount } from "./format/count";
import classes from "./Pages.module.css";

interface PagesProps {
  page: number;
  pageSize: number;
  /** Not known yet: its place is kept. */
  total: number | undefined;
  onPage: (page: number) => void;
}

export function Pages({ page, pageSize, total, onPage }: PagesProps) {
  const first = (page - 1) * pageSize + 1;
  const last = Math.min(page * pageSize, total ?? 0);
  return (
    <nav className={classes.pages} aria-label="Pages">
      <Text size="sm" c="dimmed" className="number">
        {total !== undefined && `${formatCount(first)}–${formatCount(last)} of ${formatCount(total)}`}
      </Text>
      {total !== undefined && total > pageSize && (
        <Pagination
          size="sm"
          value={page}
          total={Math.ceil(total / pageSize)}
          onChange={onPage}
          siblings={1}
          getItemProps={(number) => ({ "aria-label": `Page ${number}` })}
          getControlProps={(control) => ({ "aria-label": `${control} page` })}
        />
      )}
    </nav>
  );
}
