// How long an old key goes on beside its successor.
import type { Key, KeyRotation } from "../../api/schema";

const BY_HAND = "by-hand";

/** In seconds, as the gateway takes them. */
export const OVERLAPS = [
  { value: "0", label: "Now: its next request fails" },
  { value: "3600", label: "After 1 hour" },
  { value: "86400", label: "After 24 hours" },
  { value: "604800", label: "After 7 days" },
  { value: BY_HAND, label: "By hand, when I know that nobody uses it any more" },
];

export const disableAfter = (overlap: string): KeyRotation =>
  overlap === BY_HAND ? {} : { disable_old_after_s: Number(overlap) };

/** A key has one successor, and only one that works can hand over. */
export const canRotate = (key: Pick<Key, "status" | "expired" | "rotated_to">): boolean =>
  key.status === "active" && !key.expired && !key.rotated_to;
