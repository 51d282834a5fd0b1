// Money as people read it. What is not priced is never shown as $0.

const dollars = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const parts = new Intl.NumberFormat("en", { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const tiny = new Intl.NumberFormat("en", { maximumSignificantDigits: 2, maximumFractionDigits: 12 });

const exact = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 12 });

/** An amount at a glance: cents from a dollar on, four places below, and below a tenth of a cent two digits that count. */
export function formatUsd(usd: number): string {
  // Where rounding would reach the next range, that range's form is taken: $1.00, not $1.0000.
  const size = Math.abs(usd);
  if (size === 0 || size >= 0.99995) return dollarsOf(usd, dollars);
  return dollarsOf(usd, size >= 0.000995 ? parts : tiny);
}

/** An amount to the last picodollar, as it is in the ledger. */
export const formatUsdExact = (usd: number): string => dollarsOf(usd, exact);

const dollarsOf = (usd: number, format: Intl.NumberFormat): string =>
  `${usd < 0 ? "-" : ""}$${format.format(Math.abs(usd))}`;

/** What calls cost together, and how many of them have no known price. */
export interface Cost {
  cost_usd: number;
  unpriced_requests: number;
}

/** Nothing is known of the cost. Calls that cost nothing beside them, such as failed ones, do not make it $0. */
export const isUnpriced = ({ cost_usd, unpriced_requests }: Cost): boolean => cost_usd === 0 && unpriced_requests > 0;

export function formatCost(cost: Cost, format = formatUsd): string {
  if (isUnpriced(cost)) return "not priced";
  const known = format(cost.cost_usd);
  return cost.unpriced_requests === 0 ? known : `${known} + ${cost.unpriced_requests.toLocaleString("en")} not priced`;
}

/** The cost of one call: `null` is a model without a price. */
export function formatCallCost(usd: number | null | undefined, format = formatUsd): string {
  return usd == null ? "not priced" : format(usd);
}

/** A model's price per million tokens; `null` when it has none. */
export const formatPrice = (usd: number | null | undefined): string => (usd == null ? "—" : formatUsdExact(usd));
