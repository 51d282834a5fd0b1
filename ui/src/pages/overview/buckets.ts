// The hours of the chart: the gateway leaves empty ones out, the chart shows them as zero.
import type { UsageRow } from "../../api/schema";

const HOUR = 60 * 60 * 1000;

export interface HourOfUsage {
  at: string;
  ok: number;
  errors: number;
  tokens: number;
  cost: number;
}

/** When the first of the last `hours` hours began. */
export const firstHour = (now: number, hours: number): number => Math.floor(now / HOUR) * HOUR - (hours - 1) * HOUR;

export function fillHours(rows: UsageRow[], now: number, hours: number): HourOfUsage[] {
  const byHour = new Map(rows.map((row) => [Math.floor(Date.parse(row.bucket ?? "") / HOUR), row]));
  const first = firstHour(now, hours) / HOUR;
  return Array.from({ length: hours }, (_, index) => {
    const row = byHour.get(first + index);
    return {
      at: new Date((first + index) * HOUR).toISOString(),
      ok: row ? row.requests - row.errors : 0,
      errors: row?.errors ?? 0,
      tokens: row?.total_tokens ?? 0,
      cost: row?.cost_usd ?? 0,
    };
  });
}
