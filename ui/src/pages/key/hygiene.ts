// What should be looked at in a key that works: nothing limits it, it never ends, or nobody uses it.
import type { Key } from "../../api/schema";
import { isBlank, quotaValues, rateValues } from "../../components/limits/limitValues";

export const HINTS = ["no-limit", "no-expiry", "unused"] as const;
export type Hint = (typeof HINTS)[number];

export const UNUSED_DAYS = 90;
const DAY = 24 * 60 * 60 * 1000;

export const HINT_NAMES: Record<Hint, string> = {
  "no-limit": "with no limit",
  "no-expiry": "with no expiry",
  unused: `unused for ${UNUSED_DAYS} days`,
};

export const HINT_WORDS: Record<Hint, string> = {
  "no-limit":
    "Neither a quota nor a rate limit of its own: whoever has it can use all that its account may. Edit it to set one.",
  "no-expiry": "It never expires: a copy that was lost works for ever. Give it an expiry, and rotate it before that.",
  unused: `Nobody has used it for ${UNUSED_DAYS} days. Disable it, and delete it if nobody misses it.`,
};

type Looked = Pick<
  Key,
  "status" | "expired" | "quota" | "rate_limit" | "expires_at" | "disable_at" | "last_used_at" | "created_at"
>;

/** A key that does not work is no risk: it has no hints. */
export function hintsOf(key: Looked, now: number): Hint[] {
  if (key.status !== "active" || key.expired) return [];
  const unlimited = isBlank(quotaValues(key.quota)) && isBlank(rateValues(key.rate_limit));
  const lastSeen = Date.parse(key.last_used_at ?? key.created_at);
  return [
    ...(unlimited ? (["no-limit"] as const) : []),
    ...(key.expires_at || key.disable_at ? [] : (["no-expiry"] as const)),
    ...(now - lastSeen >= UNUSED_DAYS * DAY ? (["unused"] as const) : []),
  ];
}

/** How many of these keys have each hint; those that none has are left out. */
export const countHints = (keys: Looked[], now: number): [Hint, number][] =>
  HINTS.map((hint): [Hint, number] => [hint, keys.filter((key) => hintsOf(key, now).includes(hint)).length]).filter(
    ([, count]) => count > 0,
  );
