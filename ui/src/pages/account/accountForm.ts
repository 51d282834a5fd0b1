// What the account form holds, and how it becomes what the gateway is asked for.
import type { Account, AccountChange, NewAccount, Role } from "../../api/schema";
import {
  type CapValue,
  capOf,
  capProblem,
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
  balance_low_usd: CapValue;
}

/** Each field by the name that the gateway has for it. */
export const FIELDS = [
  "username",
  "password",
  "role",
  ...QUOTA_NAMES.map((name) => `quota.${name}`),
  ...RATE_NAMES.map((name) => `rate_limit.${name}`),
  "balance_low_usd",
];

export const valuesOf = (account: Account | null): AccountValues => ({
  username: account?.username ?? "",
  password: "",
  role: account?.role ?? "member",
  quota: quotaValues(account?.quota),
  rate_limit: rateValues(account?.rate_limit),
  balance_low_usd: account?.balance_low_usd ?? "",
});

export const newAccountOf = (values: AccountValues): NewAccount => ({
  ...values,
  quota: quotaOf(values.quota),
  rate_limit: rateOf(values.rate_limit),
  balance_low_usd: capOf(values.balance_low_usd),
});

/** A blank password means: leave it. The quota is sent only when it was changed, lest a top-up made meanwhile be lost. */
export function changeOf({ password, ...values }: AccountValues, before: AccountValues): AccountChange {
  const [quota, quotaBefore] = [quotaOf(values.quota), quotaOf(before.quota)];
  const changed = QUOTA_NAMES.some((name) => quota[name] !== quotaBefore[name]);
  return {
    username: values.username,
    role: values.role,
    rate_limit: rateOf(values.rate_limit),
    balance_low_usd: capOf(values.balance_low_usd),
    ...(password && { password }),
    ...(changed && { quota }),
  };
}

export const problems = { quota: quotaProblems, rate_limit: rateProblems, balance_low_usd: capProblem };
