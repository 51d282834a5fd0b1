// All caps of a quota, each with its bar and its words.
import { useNow } from "../useNow";
import { QuotaBar } from "./QuotaBar";
import classes from "./QuotaBar.module.css";
import { type Line, writeLine, writeRest } from "./standing";

export function QuotaLines({ label, lines }: { label: string; lines: Line[] }) {
  const now = useNow();
  return (
    <ul className={classes.lines} aria-label={label}>
      {lines.map((line) => (
        <li key={line.name} className={classes.line}>
          <span>{writeLine(line)}</span>
          <QuotaBar line={line} />
          <span className={classes.rest}>{writeRest(line, now)}</span>
        </li>
      ))}
    </ul>
  );
}
