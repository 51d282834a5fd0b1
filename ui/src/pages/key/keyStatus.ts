// A key's state in the one word that the list, its filter and the drawer share.

import type { KeyFilter } from "../../api/keys";
import type { Key } from "../../api/schema";
import type { Tone } from "../../components/Status";

export const KEY_STATUSES: readonly KeyFilter[] = ["active", "disabled", "expired"];

export const keyStatus = (key: Pick<Key, "status" | "expired">): KeyFilter =>
  key.status === "disabled" ? "disabled" : key.expired ? "expired" : "active";

export const keyTones: Record<KeyFilter, Tone> = { active: "good", disabled: "quiet", expired: "warn" };

/** What a key is called: its name, or what can be seen of it. */
export const keyTitle = (key: Pick<Key, "name" | "masked">): string => key.name || key.masked;
