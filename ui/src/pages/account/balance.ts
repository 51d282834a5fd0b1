// An account's balance: its cap in USD in total. An account without one is not held to any, and there is nothing to top up.
import type { Account } from "../../api/schema";
import { type CapValue, capProblem } from "../../components/limits/limitValues";

export const hasBalance = ({ quota }: Pick<Account, "quota">): boolean => quota.total_usd !== null;

/** Less is left than the threshold that webhooks are told at. */
export function isLow({ balance, balance_low_usd }: Pick<Account, "balance" | "balance_low_usd">): boolean {
  const left = balance.remaining.total.usd;
  return left !== null && balance_low_usd !== null && left < balance_low_usd;
}

export const topUpProblem = (usd: CapValue): string | null =>
  usd === "" || Number(usd) === 0 ? "Write an amount above 0." : capProblem(usd);
