// Quotas and rate limits in words.
import type { Quota, RateLimit } from "../../api/schema";
import { formatCount } from "../format/count";
import { formatUsdExact } from "../format/money";
import { QUOTA_NAMES, type QuotaName, type RateName, type Unit, type Window } from "./limitValues";

export const WINDOW_NAMES: Record<Window, string> = { daily: "A day", monthly: "A month", total: "In total" };
export const UNIT_NAMES: Record<Unit, string> = { usd: "USD", tokens: "Tokens", requests: "Requests" };
export const RATE_LABELS: Record<RateName, string> = {
  rpm: "Requests a minute",
  tpm: "Tokens a minute",
  concurrency: "Calls at the same time",
  rps: "Requests a second",
  burst: "Requests in a burst",
};

export const partsOf = (name: QuotaName): [Window, Unit] => name.split("_") as [Window, Unit];

/** `$1.00`, `5,000 tokens`, `1 request`. */
export function writeAmount(amount: number, unit: Unit): string {
  if (unit === "usd") return formatUsdExact(amount);
  return `${formatCount(amount)} ${nameUnit(amount, unit)}`;
}

export const nameUnit = (amount: number, unit: Exclude<Unit, "usd">): string =>
  amount === 1 ? unit.slice(0, -1) : unit;

/** `$1.00 a day, 5,000 tokens in total`; blank where there is no cap. */
export const writeQuota = (quota: Quota): string =>
  QUOTA_NAMES.flatMap((name) => {
    const [window, unit] = partsOf(name);
    const cap = quota[name];
    return cap === null ? [] : [`${writeAmount(cap, unit)} ${WINDOW_NAMES[window].toLowerCase()}`];
  }).join(", ");

/** `60 requests and 40,000 tokens a minute, 4 at once, 2 requests a second in bursts of 5`; blank where there is no limit. */
export function writeRate({ rpm, tpm, concurrency, rps, burst }: RateLimit): string {
  const perMinute = [rpm !== null && writeAmount(rpm, "requests"), tpm !== null && writeAmount(tpm, "tokens")];
  const minute = perMinute.filter(Boolean).join(" and ");
  const bursts = burst === null ? "" : ` in bursts of ${formatCount(burst)}`;
  return [
    minute && `${minute} a minute`,
    concurrency !== null && `${formatCount(concurrency)} at once`,
    rps !== null && `${writeAmount(rps, "requests")} a second${bursts}`,
  ]
    .filter(Boolean)
    .join(", ");
}
