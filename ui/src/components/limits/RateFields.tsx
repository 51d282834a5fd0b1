// The three limits of a rate.
import { CapInput } from "./CapInput";
import classes from "./Limits.module.css";
import { RATE_NAMES, type RateName } from "./limitValues";
import { RATE_LABELS } from "./limitWords";
import type { FieldProps } from "./QuotaFields";

export function RateFields({ field }: { field: (name: RateName) => FieldProps }) {
  return (
    <div className={classes.rates}>
      {RATE_NAMES.map((name) => (
        <CapInput key={name} label={RATE_LABELS[name]} placeholder="no limit" {...field(name)} />
      ))}
    </div>
  );
}
