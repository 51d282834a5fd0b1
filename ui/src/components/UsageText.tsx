// Tokens and money of a tally; short to compare, exact on hover.
import { Text, Tooltip } from "@mantine/core";
import { formatCount, formatShort } from "./format/count";
import { type Cost, formatUsd, formatUsdExact, isUnpriced } from "./format/money";
import classes from "./UsageText.module.css";

interface Tokens {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export function TokensText({ usage }: { usage: Tokens }) {
  const exact = `${formatCount(usage.prompt_tokens)} prompt + ${formatCount(usage.completion_tokens)} completion`;
  return (
    <Tooltip label={exact}>
      <span>{formatShort(usage.total_tokens)}</span>
    </Tooltip>
  );
}

/** What has no price stands apart on its own line, and is never counted as $0. */
export function CostText({ cost }: { cost: Cost }) {
  if (isUnpriced(cost)) return <NotPriced />;
  const { cost_usd, unpriced_requests } = cost;
  const known = (
    <Tooltip label={formatUsdExact(cost_usd)}>
      <span>{formatUsd(cost_usd)}</span>
    </Tooltip>
  );
  if (unpriced_requests === 0) return known;
  return (
    <>
      {known}
      <span className={classes.unpriced}>+ {formatCount(unpriced_requests)} not priced</span>
    </>
  );
}

/** The cost of one call. */
export function CallCost({ usd }: { usd: number | null | undefined }) {
  return usd == null ? <NotPriced /> : <CostText cost={{ cost_usd: usd, unpriced_requests: 0 }} />;
}

function NotPriced() {
  return (
    <Text span inherit c="dimmed">
      not priced
    </Text>
  );
}
