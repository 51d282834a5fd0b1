// The limits of a rate.
import { CapInput } from "./CapInput";
import classes from "./Limits.module.css";
import { RATE_NAMES, type RateName } from "./limitValues";
import { RATE_LABELS } from "./limitWords";
import type { FieldProps } from "./QuotaFields";

/** A blank burst is a second's worth; a pace may be one request in several seconds. */
const PLACEHOLDERS: Partial<Record<RateName, string>> = { burst: "a second's worth" };

export function RateFields({ field }: { field: (name: RateName) => FieldProps }) {
  return (
    <div className={classes.rates}>
      {RATE_NAMES.map((name) => (
        <CapInput
          key={name}
          label={RATE_LABELS[name]}
          placeholder={PLACEHOLDERS[name] ?? "no limit"}
          digits={name === "rps" ? 3 : 0}
          {...field(name)}
        />
      ))}
    </div>
  );
}
