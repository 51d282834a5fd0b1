// What the policy form holds, and how it becomes what the gateway is asked for.
import type { Settings, SettingsChange } from "../../api/schema";
import {
  type CapValue,
  isBlank,
  QUOTA_NAMES,
  type QuotaValues,
  quotaOf,
  quotaProblems,
  quotaValues,
} from "../../components/limits/limitValues";

export interface PolicyValues {
  key_max_lifetime_days: CapValue;
  key_default_quota: QuotaValues;
}

/** Each field by the name that the gateway has for it. */
export const FIELDS = ["key_max_lifetime_days", ...QUOTA_NAMES.map((name) => `key_default_quota.${name}`)];

export const valuesOf = ({ key_max_lifetime_days, key_default_quota }: Settings): PolicyValues => ({
  key_max_lifetime_days: key_max_lifetime_days ?? "",
  key_default_quota: quotaValues(key_default_quota ?? undefined),
});

export const changeOf = ({ key_max_lifetime_days: days, key_default_quota: quota }: PolicyValues): SettingsChange => ({
  key_max_lifetime_days: days === "" ? null : Number(days),
  key_default_quota: isBlank(quota) ? null : quotaOf(quota),
});

export const problems = { key_default_quota: quotaProblems };
