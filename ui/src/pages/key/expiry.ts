// When a key ends: never, after some days, or at the end of a chosen day.

export const EXPIRIES = [
  { value: "never", label: "Never" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In 365 days" },
  { value: "date", label: "On a date…" },
] as const;

const DAY = 24 * 60 * 60 * 1000;

/** The choice as a time; a date means until its end, in the reader's own zone. */
export function expiresAt(choice: string, date: string, now: number): string | null {
  if (choice === "never") return null;
  if (choice === "date") return new Date(`${date}T23:59:59.999`).toISOString();
  return new Date(now + Number(choice) * DAY).toISOString();
}

/** The day of a time in the reader's zone, as a date field wants it: `2026-11-24`. */
export const localDay = (at: string | number): string => new Intl.DateTimeFormat("sv-SE").format(new Date(at));

export function expiryProblem(choice: string, date: string, now: number): string | null {
  if (choice !== "date") return null;
  if (!isDay(date)) return "Choose a date.";
  return date < localDay(now) ? "This day is over already." : null;
}

/** A day that there is: neither the 31st of February, which `Date` takes for the 3rd of March, nor half a date. */
function isDay(date: string): boolean {
  const start = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(start.getTime()) && start.toISOString().slice(0, 10) === date;
}
