// A surface with an optional heading; tables and charts lie on one.
import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Panel.module.css";

interface PanelProps {
  title?: string;
  action?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}

export function Panel({ title, action, flush = false, children }: PanelProps) {
  return (
    <section className={classes.panel} aria-label={title}>
      {(title || action) && (
        <div className={classes.head}>
          {title && <Title order={2}>{title}</Title>}
          {action}
        </div>
      )}
      <div className={flush ? undefined : classes.body}>{children}</div>
    </section>
  );
}
