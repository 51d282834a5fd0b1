// The cap that will be met first, as a bar; all of them in words on hover and focus. Leads to where they are drawn.
import { Tooltip } from "@mantine/core";
import { Link } from "react-router";
import { useNow } from "../useNow";
import { QuotaBar } from "./QuotaBar";
import classes from "./QuotaBar.module.css";
import { type Line, tightest, writeLine, writeRest } from "./standing";

interface QuotaGlanceProps {
  lines: Line[];
  to: { search: string };
}

export function QuotaGlance({ lines, to }: QuotaGlanceProps) {
  const now = useNow();
  const first = tightest(lines);
  if (!first) return null;
  const words = lines.map((line) => `${writeLine(line)}: ${writeRest(line, now)}.`);
  return (
    <Tooltip
      multiline
      maw={320}
      events={{ hover: true, focus: true, touch: false }}
      label={words.map((text) => (
        <span key={text} className={classes.tip}>
          {text}
        </span>
      ))}
    >
      <Link className={classes.glance} to={to} aria-label={`Quota: ${writeLine(first)}`}>
        <QuotaBar line={first} />
        <span>{writeLine(first)}</span>
      </Link>
    </Tooltip>
  );
}
