// What the account form holds, and how it becomes what the gateway is asked for.
import type { Account, AccountChange, NewAccount, Role } from "../../api/schema";
import {
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

export interface AccountValues {
  username: string;
  password: string;
  role: Role;
  quota: QuotaValues;
  rate_limit: RateValues;
  /** Blank: webhooks are never told. */
  balance_low_usd: number | string;
}

/** Each field by the name that the gateway has for it. */
export const FIELDS = [
  "username",
  "password",
  "role",
  "balance_low_usd",
  ...QUOTA_NAMES.map((name) => `quota.${name}`),
  ...RATE_NAMES.map((name) => `rate_limit.${name}`),
];

export const valuesOf = (account: Account | null): AccountValues => ({
  username: account?.username ?? "",
  password: "",
  role: account?.role ?? "member",
  quota: quotaValues(account?.quota),
  rate_limit: rateValues(account?.rate_limit),
  balance_low_usd: account?.balance_low_usd ?? "",
});

const thresholdOf = ({ balance_low_usd: usd }: Pick<AccountValues, "balance_low_usd">) =>
  usd === "" ? null : Number(usd);

export const newAccountOf = (values: AccountValues): NewAccount => ({
  ...values,
  quota: quotaOf(values.quota),
  rate_limit: rateOf(values.rate_limit),
  balance_low_usd: thresholdOf(values),
});

/** A blank password means: leave it. The quota is sent only when it was changed, lest a top-up made meanwhile be lost. */
export function changeOf({ password, ...values }: AccountValues, before: AccountValues): AccountChange {
  const [quota, quotaBefore] = [quotaOf(values.quota), quotaOf(before.quota)];
  const changed = QUOTA_NAMES.some((name) => quota[name] !== quotaBefore[name]);
  return {
    username: values.username,
    role: values.role,
    rate_limit: rateOf(values.rate_limit),
    balance_low_usd: thresholdOf(values),
    ...(password && { password }),
    ...(changed && { quota }),
  };
}

export const problems = { quota: quotaProblems, rate_limit: rateProblems };
