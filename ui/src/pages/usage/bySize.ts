// The order of usage: by cost, then by tokens, since what is not priced costs nothing that is known.
import type { UsageRow } from "../../api/schema";

export const bySize = (rows: UsageRow[]): UsageRow[] =>
  rows.toSorted((a, b) => b.cost_usd - a.cost_usd || b.total_tokens - a.total_tokens || b.requests - a.requests);
