// Nothing here yet: says so, says what to do, and has the button for it.
import { Text } from "@mantine/core";
import type { TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./Notice.module.css";

interface EmptyProps {
  icon: TablerIcon;
  title: string;
  action?: ReactNode;
  children: ReactNode;
}

export function Empty({ icon: Icon, title, action, children }: EmptyProps) {
  return (
    <div className={classes.notice}>
      <span className={classes.icon}>
        <Icon size={22} stroke={1.5} aria-hidden />
      </span>
      <Text fw={600}>{title}</Text>
      <Text c="dimmed" maw="28rem">
        {children}
      </Text>
      {action && <div className={classes.action}>{action}</div>}
    </div>
  );
}
