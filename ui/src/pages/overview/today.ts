// What happened since midnight in the gateway's time zone.
import type { UsageRow } from "../../api/schema";

export interface Today {
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost_usd: number;
  unpriced_requests: number;
}

const dayIn = (timeZone: string) => new Intl.DateTimeFormat("sv-SE", { timeZone });

export function sumToday(rows: UsageRow[], now: number, timeZone: string): Today {
  const day = dayIn(timeZone);
  const today = day.format(now);
  const sum = {
    requests: 0,
    errors: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    total_tokens: 0,
    cost_usd: 0,
    unpriced_requests: 0,
  };
  for (const row of rows) {
    if (!row.bucket || day.format(new Date(row.bucket)) !== today) continue;
    for (const field of Object.keys(sum) as (keyof Today)[]) sum[field] += row[field];
  }
  return sum;
}
