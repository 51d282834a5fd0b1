// A state in one word, with a dot whose colour says the same.
import classes from "./Status.module.css";

export type Tone = "good" | "warn" | "bad" | "quiet";

export function Status({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={classes.status} data-tone={tone}>
      {children}
    </span>
  );
}
