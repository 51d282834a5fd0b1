// How full a cap is: what is used, then, paler, what is set aside for calls in flight.
import classes from "./QuotaBar.module.css";
import { fullness, type Line } from "./standing";

export function QuotaBar({ line }: { line: Line }) {
  return (
    <span className={classes.track} data-fullness={fullness(line)} aria-hidden>
      <span className={classes.used} style={{ width: `${100 * line.usedShare}%` }} data-some={line.used > 0} />
      <span className={classes.reserved} style={{ width: `${100 * line.reservedShare}%` }} />
    </span>
  );
}
