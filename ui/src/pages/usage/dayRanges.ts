// The ranges of the usage page: whole days of the gateway's time zone, for that is how its totals are kept.

const DAY = 24 * 60 * 60 * 1000;

export const DAY_RANGES = [
  { value: "today", label: "Today", days: 1 },
  { value: "7d", label: "Last 7 days", days: 7 },
  { value: "30d", label: "Last 30 days", days: 30 },
  { value: "90d", label: "Last 90 days", days: 90 },
  { value: "365d", label: "Last 365 days", days: 365 },
] as const;

/** A moment in the first of so many days, of which today is the last; the gateway counts that day whole. */
export const firstMoment = (days: number, now: number): string => new Date(now - (days - 1) * DAY).toISOString();
