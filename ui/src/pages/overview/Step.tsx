// One of the first steps; done ones are only ticked off.
import { Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./Step.module.css";

interface StepProps {
  done: boolean;
  title: string;
  about: string;
  children: ReactNode;
}

export function Step({ done, title, about, children }: StepProps) {
  return (
    <li className={classes.step} data-done={done}>
      <span className={classes.mark}>{done && <IconCheck size={13} stroke={2.4} aria-label="done" />}</span>
      <div className={classes.content}>
        <Text fw={600} {...(done && { c: "dimmed" })}>
          {title}
        </Text>
        {!done && (
          <>
            <Text c="dimmed" mb="sm" maw="42rem">
              {about}
            </Text>
            {children}
          </>
        )}
      </div>
    </li>
  );
}
