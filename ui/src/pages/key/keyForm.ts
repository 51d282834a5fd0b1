// What the key form holds, and how it becomes what the gateway is asked for.
import type { Key, KeyChange, NewKey, Permissions } from "../../api/schema";
import {
  isBlank,
  QUOTA_NAMES,
  type QuotaValues,
  quotaOf,
  quotaProblems,
  quotaValues,
  RATE_NAMES,
  type RateValues,
  rateOf,
  rateProblems,
  rateValues,
} from "../../components/limits/limitValues";
import { expiresAt, expiryProblem, localDay } from "./expiry";

export interface KeyValues {
  name: string;
  expiry: string;
  date: string;
  quota: QuotaValues;
  rate_limit: RateValues;
  permissions: Permissions;
}

export const PERMISSION_NAMES = ["models", "endpoints", "ips"] as const;

/** Each field by the name that the gateway has for it. */
export const FIELDS = [
  "name",
  "expires_at",
  ...QUOTA_NAMES.map((name) => `quota.${name}`),
  ...RATE_NAMES.map((name) => `rate_limit.${name}`),
  ...PERMISSION_NAMES.map((name) => `permissions.${name}`),
];

/** A new one each time: forms write into what they are given. */
export const blank = (): KeyValues => ({
  name: "",
  expiry: "never",
  date: "",
  quota: quotaValues(),
  rate_limit: rateValues(),
  permissions: { models: [], endpoints: [], ips: [] },
});

export const valuesOf = (key: Key): KeyValues => ({
  name: key.name,
  expiry: key.expires_at ? "date" : "never",
  date: key.expires_at ? localDay(key.expires_at) : "",
  quota: quotaValues(key.quota),
  rate_limit: rateValues(key.rate_limit),
  permissions: key.permissions,
});

const keepsExpiry = (values: KeyValues, before: KeyValues): boolean =>
  values.expiry === before.expiry && values.date === before.date;

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** A blank quota is left out, so that the gateway's own for new keys holds. */
export const newKeyOf = (values: KeyValues, now: number): NewKey => ({
  name: values.name.trim() || null,
  expires_at: expiresAt(values.expiry, values.date, now),
  ...(!isBlank(values.quota) && { quota: quotaOf(values.quota) }),
  rate_limit: rateOf(values.rate_limit),
  permissions: values.permissions,
});

/** Only what was changed: an expiry keeps its second, and what is already against a later policy may stay. */
export function changeOf(values: KeyValues, before: KeyValues, now: number): KeyChange {
  const name = values.name.trim();
  const [quota, rate_limit] = [quotaOf(values.quota), rateOf(values.rate_limit)];
  return {
    ...(name !== before.name && { name }),
    ...(!keepsExpiry(values, before) && { expires_at: expiresAt(values.expiry, values.date, now) }),
    ...(!same(quota, quotaOf(before.quota)) && { quota }),
    ...(!same(rate_limit, rateOf(before.rate_limit)) && { rate_limit }),
    ...(!same(values.permissions, before.permissions) && { permissions: values.permissions }),
  };
}

/** An expiry that is over may stay as it is; a new one must lie ahead. */
export const problems = (before: KeyValues) => ({
  date: (date: string, values: KeyValues) =>
    keepsExpiry(values, before) ? null : expiryProblem(values.expiry, date, Date.now()),
  quota: quotaProblems,
  rate_limit: rateProblems,
});
