// How much of each cap is used, set aside and left.
import type { Balance, Quota } from "../../api/schema";
import { formatShort } from "../format/count";
import { formatUsd } from "../format/money";
import { formatRelative } from "../format/time";
import { QUOTA_NAMES, type QuotaName, type Unit, type Window } from "./limitValues";
import { nameUnit, partsOf, writeAmount } from "./limitWords";

export interface Line {
  name: QuotaName;
  window: Window;
  unit: Unit;
  cap: number;
  used: number;
  reserved: number;
  left: number;
  /** When the window begins anew; `null`: never. */
  resetsAt: string | null;
  /** Parts of the cap, from 0 to 1; together never more than 1. */
  usedShare: number;
  reservedShare: number;
}

/** One line for each cap that there is, those that end soonest first. */
export const linesOf = (quota: Quota, balance: Balance): Line[] =>
  QUOTA_NAMES.flatMap((name) => {
    const [window, unit] = partsOf(name);
    const cap = quota[name];
    if (cap === null) return [];
    const [used, reserved] = [balance.used[window][unit], balance.reserved[unit]];
    const usedShare = cap > 0 ? Math.min(1, used / cap) : 1;
    const reservedShare = cap > 0 ? Math.min(1 - usedShare, reserved / cap) : 0;
    const left = balance.remaining[window][unit] ?? 0;
    const resetsAt = window === "total" ? null : balance.resets_at[window];
    return [{ name, window, unit, cap, used, reserved, left, resetsAt, usedShare, reservedShare }];
  });

const taken = (line: Line): number => line.usedShare + line.reservedShare;

export type Fullness = "free" | "near" | "full";

export const fullness = (line: Line): Fullness => (line.left <= 0 ? "full" : taken(line) >= 0.9 ? "near" : "free");

const WHEN: Record<Window, string> = { daily: "today", monthly: "this month", total: "in total" };

/** `$0.82 of $1.00 today`, `3 of 5 requests this month`, `1.59M of 2M tokens in total`: short, to compare. */
export function writeLine({ used, cap, unit, window }: Line): string {
  if (unit === "usd") return `${formatUsd(used)} of ${formatUsd(cap)} ${WHEN[window]}`;
  return `${formatShort(used)} of ${formatShort(cap)} ${nameUnit(cap, unit)} ${WHEN[window]}`;
}

/** `$0.05 set aside, $0.13 left, anew in 5 hours`; nothing is said of what is not. */
export const writeRest = ({ reserved, left, unit, resetsAt }: Line, now: number): string =>
  [
    reserved > 0 && `${writeAmount(reserved, unit)} set aside`,
    `${writeAmount(left, unit)} left`,
    resetsAt && `resets ${formatRelative(resetsAt, now)}`,
  ]
    .filter(Boolean)
    .join(", ");

/** The cap that will be met first. Of two as full as each other, the one that rolls over sooner; of two that are met, later. */
export const tightest = (lines: Line[]): Line | undefined =>
  lines.reduce<Line | undefined>((most, line) => {
    if (!most || taken(line) > taken(most)) return line;
    return taken(line) === taken(most) && fullness(line) === "full" ? line : most;
  }, undefined);
