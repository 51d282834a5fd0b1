// Times: relative to read, exact to hover.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const narrow = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS: [limit: number, unit: Intl.RelativeTimeFormatUnit, size: number][] = [
  [MINUTE, "second", SECOND],
  [HOUR, "minute", MINUTE],
  [DAY, "hour", HOUR],
  [30 * DAY, "day", DAY],
  [365 * DAY, "month", 30 * DAY],
];

export function formatRelative(at: string, now: number, short = false): string {
  const away = Date.parse(at) - now;
  const size = Math.abs(away);
  if (size < 10 * SECOND) return "just now";
  const [, unit, length] = STEPS.find(([limit]) => size < limit) ?? [0, "year" as const, 365 * DAY];
  return (short ? narrow : relative).format(Math.trunc(away / length), unit);
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

/** `0.4 ms`, `812 ms`, `4.2 s`, `1 min 12 s`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(ms < 10 * SECOND ? 2 : 1)} s`;
  return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / SECOND)} s`;
}
