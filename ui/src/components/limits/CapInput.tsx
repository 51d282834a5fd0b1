// One cap: a number on the right, blank for none.
import { NumberInput, type NumberInputProps } from "@mantine/core";
import classes from "./Limits.module.css";

interface CapInputProps extends Omit<NumberInputProps, "classNames"> {
  money?: boolean;
  /** After the point. */
  digits?: number;
}

export function CapInput({ money = false, digits = 0, placeholder = "no cap", ...props }: CapInputProps) {
  return (
    <NumberInput
      hideControls
      allowNegative={false}
      // Either would read the text as a number when it is left, and so round it without a word.
      clampBehavior="none"
      trimLeadingZeroesOnBlur={false}
      thousandSeparator=","
      placeholder={placeholder}
      classNames={{ input: classes.cap ?? "" }}
      {...(money ? { prefix: "$", decimalScale: 12 } : { allowDecimal: digits > 0, decimalScale: digits })}
      {...props}
    />
  );
}
