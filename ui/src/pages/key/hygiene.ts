// What should be looked at in a key that works, in words: nothing limits it, it never ends, or nobody uses it.
import type { Hint, Key } from "../../api/schema";

export const HINTS: readonly Hint[] = ["no_limit", "no_expiry", "unused"];

const UNUSED_DAYS = 90;

export const HINT_NAMES: Record<Hint, string> = {
  no_limit: "with no limit",
  no_expiry: "with no expiry",
  unused: `unused for ${UNUSED_DAYS} days`,
};

export const HINT_WORDS: Record<Hint, string> = {
  no_limit:
    "Neither a quota nor a rate limit of its own: whoever has it can use all that its account may. Edit it to set one.",
  no_expiry: "It never expires: a copy that was lost works for ever. Give it an expiry, and rotate it before that.",
  unused: `Nobody has used it for ${UNUSED_DAYS} days. Disable it, and delete it if nobody misses it.`,
};

/** How many of these keys have each hint; those that none has are left out. */
export const countHints = (keys: Pick<Key, "hints">[]): [Hint, number][] =>
  HINTS.map((hint): [Hint, number] => [hint, keys.filter(({ hints }) => hints.includes(hint)).length]).filter(
    ([, count]) => count > 0,
  );
