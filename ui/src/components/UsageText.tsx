// Tokens and money of a tally; short to compare, exact on hover.
import { Tooltip } from "@mantine/core";
import { formatCount, formatShort, plural } from "./format/count";
import { type Cost, formatCost, formatUsd } from "./format/money";
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
  const { cost_usd, requests, unpriced_requests } = cost;
  const whole = formatCost(cost);
  if (unpriced_requests === 0 || (unpriced_requests >= requests && cost_usd === 0)) return <span>{whole}</span>;
  return (
    <Tooltip label={`${plural(unpriced_requests, "call")} to models without a price`}>
      <span>
        {formatUsd(cost_usd)} <span className={classes.unpriced}>+ {formatCount(unpriced_requests)} not priced</span>
      </span>
    </Tooltip>
  );
}
