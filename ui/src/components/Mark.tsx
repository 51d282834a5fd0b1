// A quiet mark beside something that should be looked at; why, on hover and for those who do not see it.
import { Tooltip } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import classes from "./Mark.module.css";

export function Mark({ children }: { children: string }) {
  return (
    <Tooltip label={children} multiline maw={280}>
      <span className={classes.mark} role="img" aria-label={children}>
        <IconInfoCircle size={14} stroke={1.7} aria-hidden />
      </span>
    </Tooltip>
  );
}
