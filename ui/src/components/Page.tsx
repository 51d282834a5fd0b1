// A page: its title, one line on what it is for, its main action, and what it shows.
import { Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Page.module.css";

interface PageProps {
  title: string;
  about?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}

export function Page({ title, about, action, children }: PageProps) {
  return (
    <div className={classes.page}>
      <title>{`${title} · Real200`}</title>
      <header className={classes.header}>
        <div>
          <Title order={1}>{title}</Title>
          {about && (
            <Text c="dimmed" mt={2}>
              {about}
            </Text>
          )}
        </div>
        {action && <div className={classes.action}>{action}</div>}
      </header>
      {children}
    </div>
  );
}
