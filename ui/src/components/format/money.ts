// Money as people read it. What is not priced is never shown as $0.

const dollars = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const parts = new Intl.NumberFormat("en", { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const tiny = new Intl.NumberFormat("en", { maximumSignificantDigits: 2, maximumFractionDigits: 12 });

export function formatUsd(usd: number): string {
  const size = Math.abs(usd);
  if (size === 0 || size >= 1) return `$${dollars.format(usd)}`;
  if (size >= 0.001) return `$${parts.format(usd)}`;
  return `$${tiny.format(usd)}`;
}

/** What calls cost together; `requests` and `unpriced_requests` say how many of them have no known price. */
export interface Cost {
  cost_usd: number;
  requests: number;
  unpriced_requests: number;
}

export function formatCost({ cost_usd, requests, unpriced_requests }: Cost): string {
  if (unpriced_requests === 0) return formatUsd(cost_usd);
  if (unpriced_requests >= requests && cost_usd === 0) return "not priced";
  return `${formatUsd(cost_usd)} + ${unpriced_requests.toLocaleString("en")} not priced`;
}

/** The cost of one call: `null` is a model without a price. */
export function formatCallCost(usd: number | null | undefined): string {
  return usd == null ? "not priced" : formatUsd(usd);
}

/** A model's price per million tokens; `null` when it has none. */
export function formatPrice(usd: number | null | undefined): string {
  return usd == null
    ? "—"
    : `$${new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 6 }).format(usd)}`;
}
