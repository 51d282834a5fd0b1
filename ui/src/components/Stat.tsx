// One number that matters, with its name above it.
import { Skeleton, Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Stat.module.css";

export function Stats({ children }: { children: ReactNode }) {
  return <div className={classes.stats}>{children}</div>;
}

interface StatProps {
  name: string;
  loading: boolean;
  value: ReactNode;
  note?: ReactNode;
}

export function Stat({ name, loading, value, note }: StatProps) {
  return (
    <div className={classes.stat} role="group" aria-label={name}>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <div className={classes.value}>{loading ? <Skeleton height={22} width={90} /> : value}</div>
      <Text size="xs" c="dimmed" className={classes.note}>
        {loading ? "" : note}
      </Text>
    </div>
  );
}
