// The nine caps of a quota: windows down, units across. What is wrong with one stands below them all, where there is room.
import { Input } from "@mantine/core";
import { useId } from "@mantine/hooks";
import { CapInput } from "./CapInput";
import classes from "./Limits.module.css";
import { type CapValue, type QuotaName, UNITS, WINDOWS } from "./limitValues";
import { UNIT_NAMES, WINDOW_NAMES } from "./limitWords";

/** What a form knows of a field. */
export interface FieldProps {
  value?: CapValue;
  onChange?: (value: CapValue) => void;
  error?: string;
}

interface QuotaFieldsProps {
  label: string;
  field: (name: QuotaName) => FieldProps;
}

export function QuotaFields({ label, field }: QuotaFieldsProps) {
  const id = useId();
  const names = WINDOWS.flatMap((window) =>
    UNITS.map((unit) => ({ window, unit, name: `${window}_${unit}` as const })),
  );
  const wrong = names.flatMap(({ window, unit, name }) => {
    const { error } = field(name);
    return error ? [{ name, words: `${UNIT_NAMES[unit]} ${WINDOW_NAMES[window].toLowerCase()}: ${error}` }] : [];
  });
  return (
    <div role="group" aria-label={label}>
      <div className={classes.grid}>
        <span />
        {UNITS.map((unit) => (
          <span key={unit} className={classes.unit} aria-hidden>
            {UNIT_NAMES[unit]}
          </span>
        ))}
        {names.map(({ window, unit, name }) => {
          const { error, ...props } = field(name);
          return [
            unit === "usd" && (
              <span key={window} aria-hidden>
                {WINDOW_NAMES[window]}
              </span>
            ),
            <CapInput
              key={name}
              aria-label={`${UNIT_NAMES[unit]} ${WINDOW_NAMES[window].toLowerCase()}`}
              aria-describedby={error ? `${id}-${name}` : undefined}
              money={unit === "usd"}
              error={Boolean(error)}
              {...props}
            />,
          ];
        })}
      </div>
      {wrong.map(({ name, words }) => (
        <Input.Error key={name} id={`${id}-${name}`} mt="xs" role="alert">
          {words}
        </Input.Error>
      ))}
    </div>
  );
}
