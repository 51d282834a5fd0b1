// The frame of the pages before log-in.
import { Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Wordmark } from "../../components/Logo";
import classes from "./Door.module.css";

export function Door({ title, about, children }: { title: string; about?: ReactNode; children: ReactNode }) {
  return (
    <main className={classes.door}>
      <title>{`${title} · Real200`}</title>
      <div className={classes.box}>
        <Wordmark />
        <div className={classes.card}>
          <Title order={1} size="h2">
            {title}
          </Title>
          {about && (
            <Text c="dimmed" mt={4}>
              {about}
            </Text>
          )}
          <div className={classes.body}>{children}</div>
        </div>
      </div>
    </main>
  );
}
