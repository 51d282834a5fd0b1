// Times: relative to read, exact to hover.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const narrow = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Each unit is used as long as its rounded number is below the limit: an expiry "in 30 days" reads so, not "in 29". */
const STEPS: [limit: number, unit: Intl.RelativeTimeFormatUnit, length: number][] = [
  [60, "second", SECOND],
  [60, "minute", MINUTE],
  [24, "hour", HOUR],
  [60, "day", DAY],
  [12, "month", (365 * DAY) / 12],
  [Number.POSITIVE_INFINITY, "year", 365 * DAY],
];

export function formatRelative(at: string, now: number, short = false): string {
  const away = Date.parse(at) - now;
  const size = Math.abs(away);
  if (size < 10 * SECOND) return "just now";
  const [, unit, length] = STEPS.find(([limit, , length]) => Math.round(size / length) < limit) ?? [
    0,
    "year",
    365 * DAY,
  ];
  return (short ? narrow : relative).format(Math.sign(away) * Math.round(size / length), unit);
}

/** `2026-11-24 07:00:00 GMT+1`, in the given zone or else the reader's own. */
export function formatExact(at: string, timeZone?: string): string {
  const parts = new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "medium",
    ...(timeZone && { timeZone }),
  }).format(new Date(at));
  return `${parts} ${zoneName(at, timeZone)}`;
}

function zoneName(at: string, timeZone?: string): string {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short", ...(timeZone && { timeZone }) }).formatToParts(
    new Date(at),
  );
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** `24 Nov 2026` in the reader's zone. */
export const formatDate = (at: string): string =>
  new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" }).format(new Date(at));

/** `0.4 ms`, `812 ms`, `4.20 s`, `31.5 s`, `1 min 12 s`. */
export function formatDuration(ms: number): string {
  if (ms < 9.95) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / SECOND).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
