// The largest users of tokens as bars, against each other.
import { Skeleton, Text } from "@mantine/core";
import type { UsageRow } from "../../api/schema";
import { formatShort } from "../../components/format/count";
import classes from "./UsageBars.module.css";

const SHOWN = 6;

export function UsageBars({ rows }: { rows: UsageRow[] | undefined }) {
  if (!rows) return <Skeleton height={180} m="lg" width="auto" />;
  const largest = rows
    .filter((row) => row.total_tokens > 0)
    .toSorted((a, b) => b.total_tokens - a.total_tokens)
    .slice(0, SHOWN);
  if (largest.length === 0) return null;
  const most = largest[0]?.total_tokens || 1;
  return (
    <figure className={classes.bars} aria-label={`Tokens of the ${largest.length} largest`}>
      <Text component="figcaption" size="xs" c="dimmed">
        Most tokens
      </Text>
      {largest.map((row) => (
        <div key={row.group?.id} className={classes.line}>
          <Text inherit truncate title={row.group?.name ?? ""}>
            {row.group?.name || "unnamed"}
          </Text>
          <span className={classes.track}>
            <span className={classes.bar} style={{ width: `${(100 * row.total_tokens) / most}%` }} />
          </span>
          <span className={classes.value}>{formatShort(row.total_tokens)}</span>
        </div>
      ))}
    </figure>
  );
}
