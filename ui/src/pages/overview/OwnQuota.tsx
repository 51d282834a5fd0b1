// What is used and left of the quota of one's own account; nothing where it has none.
import type { Account } from "../../api/schema";
import { QuotaLines } from "../../components/limits/QuotaLines";
import { linesOf } from "../../components/limits/standing";
import { Panel } from "../../components/Panel";

export function OwnQuota({ of: account }: { of: Account }) {
  const lines = linesOf(account.quota, account.balance);
  if (lines.length === 0) return null;
  return (
    <Panel title="Your account">
      <QuotaLines label="Quota of your account" lines={lines} />
    </Panel>
  );
}
