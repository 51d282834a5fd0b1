// Quotas and rate limits as a form holds them: text where the gateway wants a number, blank where it wants null.
import type { Quota, RateLimit } from "../../api/schema";

/** The shortest window first: it is the one that is met first. */
export const WINDOWS = ["daily", "monthly", "total"] as const;
export const UNITS = ["usd", "tokens", "requests"] as const;
export type Window = (typeof WINDOWS)[number];
export type Unit = (typeof UNITS)[number];
export type QuotaName = `${Window}_${Unit}`;

export const QUOTA_NAMES: QuotaName[] = WINDOWS.flatMap((window) =>
  UNITS.map((unit): QuotaName => `${window}_${unit}`),
);
export const RATE_NAMES = ["rpm", "tpm", "concurrency", "rps", "burst"] as const;
export type RateName = (typeof RATE_NAMES)[number];

/** As a number field holds it: text while its digits are more than a number keeps. */
export type CapValue = number | string;
export type QuotaValues = Record<QuotaName, CapValue>;
export type RateValues = Record<RateName, CapValue>;

const each = <Name extends string, Value>(names: readonly Name[], value: (name: Name) => Value) =>
  Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;

export const capOf = (cap: CapValue): number | null => (cap === "" ? null : Number(cap));

export const quotaValues = (quota?: Partial<Quota>): QuotaValues => each(QUOTA_NAMES, (name) => quota?.[name] ?? "");
export const rateValues = (limit?: Partial<RateLimit>): RateValues => each(RATE_NAMES, (name) => limit?.[name] ?? "");

export const quotaOf = (values: QuotaValues): Quota => each(QUOTA_NAMES, (name) => capOf(values[name]));
export const rateOf = (values: RateValues): RateLimit => each(RATE_NAMES, (name) => capOf(values[name]));

/** No cap at all. */
export const isBlank = (values: QuotaValues | RateValues): boolean =>
  Object.values<CapValue>(values).every((cap) => cap === "");

/** What a number would not keep to the last digit is refused rather than rounded. */
export function capProblem(cap: CapValue): string | null {
  if (typeof cap === "number" || cap === "") return null;
  if (!/^\d+\.?\d*$/.test(cap)) return "Write a number, or leave it blank for no cap.";
  return plain(cap) === plain(written(Number(cap))) ? null : "These are more digits than can be kept. Round it.";
}

/** A number's digits, without an exponent. */
const written = (cap: number): string => (cap < 1e-6 ? cap.toFixed(12) : String(cap));

/** Without zeros that say nothing. */
const plain = (text: string): string => {
  const [whole = "", fraction = ""] = text.split(".");
  return `${whole.replace(/^0+/, "")}.${fraction.replace(/0+$/, "")}`;
};

export const quotaProblems = each(QUOTA_NAMES, () => capProblem);
export const rateProblems = each(RATE_NAMES, () => capProblem);
