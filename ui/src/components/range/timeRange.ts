// The time range of a view, as words of the URL: a span back from now, or two fixed times.

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

export const RANGES = [
  { value: "1h", label: "Last hour", span: HOUR },
  { value: "24h", label: "Last 24 hours", span: DAY },
  { value: "7d", label: "Last 7 days", span: 7 * DAY },
  { value: "30d", label: "Last 30 days", span: 30 * DAY },
] as const;

export interface TimeRange {
  from: string;
  to: string;
}

/** `range=24h`, or `from=` and `to=`; none is all time. */
export function timeRange(params: URLSearchParams, now: number): TimeRange {
  const span = RANGES.find(({ value }) => value === params.get("range"))?.span;
  if (span) return { from: new Date(now - span).toISOString(), to: "" };
  return { from: exactTime(params.get("from")), to: exactTime(params.get("to")) };
}

function exactTime(text: string | null): string {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}

/** A time as a `datetime-local` field wants it, in the reader's zone. */
export function localMinute(at: string): string {
  return (
    at &&
    new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" }).format(new Date(at)).replace(" ", "T")
  );
}
