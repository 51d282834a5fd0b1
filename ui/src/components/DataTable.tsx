// A table whose rows open; on phones each row becomes a card. Roles are spelled out, since a table drawn as blocks loses them.
import { Skeleton, VisuallyHidden } from "@mantine/core";
import type { MouseEvent, ReactNode } from "react";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand on the right. */
  number?: boolean;
  /** The first line of the card, without a label. */
  title?: boolean;
  /** Buttons: no heading to see. */
  actions?: boolean;
}

interface DataTableProps<Row> {
  label: string;
  columns: Column<Row>[];
  /** Not there yet: as many empty rows as are likely to come. */
  rows: Row[] | undefined;
  expected?: number;
  rowKey: (row: Row) => string;
  onOpen?: (row: Row) => void;
  /** The answer shown is being replaced. */
  stale?: boolean;
}

export function DataTable<Row>({
  label,
  columns,
  rows,
  expected = 8,
  rowKey,
  onOpen,
  stale = false,
}: DataTableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
    <section className={classes.scroll} data-stale={stale} aria-label={`${label}, table`} tabIndex={0}>
      <table className={classes.table} role="table" aria-label={label} aria-busy={!rows}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.name} role="columnheader" scope="col" data-number={column.number}>
                {column.actions ? <VisuallyHidden>{column.name}</VisuallyHidden> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows
            ? rows.map((row) => (
                <tr
                  key={rowKey(row)}
                  role="row"
                  data-opens={onOpen !== undefined}
                  onClick={(event) => opens(event) && onOpen?.(row)}
                >
                  {columns.map((column) => (
                    <Cell key={column.name} column={column}>
                      {column.cell(row)}
                    </Cell>
                  ))}
                </tr>
              ))
            : Array.from({ length: expected }, (_, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: empty rows have nothing but their place.
                <tr key={index} role="row">
                  {columns.map((column) => (
                    <Cell key={column.name} column={column}>
                      <Skeleton height={10} width={column.title ? "70%" : "50%"} display="inline-block" />
                    </Cell>
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell<Row>({ column, children }: { column: Column<Row>; children: ReactNode }) {
  return (
    <td
      role="cell"
      data-label={column.name}
      data-number={column.number}
      data-title={column.title}
      data-actions={column.actions}
    >
      {children}
    </td>
  );
}

/** A click on a row opens it, but not one on a control in it, nor the end of selecting text. */
function opens(event: MouseEvent<HTMLElement>): boolean {
  const target = event.target as Element;
  return (
    event.currentTarget.contains(target) && !target.closest("a, button, input") && !window.getSelection()?.toString()
  );
}
