// A key's state in the one word that the list, its filter and the drawer share.

import type { KeyFilter } from "../../api/keys";
import type { Key } from "../../api/schema";
import type { Tone } from "../../components/Status";

export const KEY_STATUSES: readonly KeyFilter[] = ["active", "disabled", "expired"];

/** Refused: nobody switched it off, but its next call would fail all the same. */
export type KeyState = KeyFilter | "refused";

export function keyStatus({ status, expired, refusal }: Pick<Key, "status" | "expired" | "refusal">): KeyState {
  if (status === "disabled") return "disabled";
  if (expired) return "expired";
  return refusal ? "refused" : "active";
}

export const keyTones: Record<KeyState, Tone> = { active: "good", refused: "bad", disabled: "quiet", expired: "warn" };

/** What a key is called: its name, or what can be seen of it. */
export const keyTitle = (key: Pick<Key, "name" | "masked">): string => key.name || key.masked;
