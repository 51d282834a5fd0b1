// How an account's quota stands, above the form that changes it; and the way to raise its balance.
import { Button, Group, Stack } from "@mantine/core";
import type { Account } from "../../api/schema";
import { QuotaLines } from "../../components/limits/QuotaLines";
import { linesOf } from "../../components/limits/standing";
import { hasBalance } from "./balance";

export function AccountStanding({ account, onTopUp }: { account: Account; onTopUp: (account: Account) => void }) {
  const lines = linesOf(account.quota, account.balance);
  if (lines.length === 0) return null;
  return (
    <Stack gap="sm" mb="lg">
      <QuotaLines label={`Quota of ${account.username}`} lines={lines} />
      {hasBalance(account) && (
        <Group>
          <Button variant="default" onClick={() => onTopUp(account)}>
            Top up
          </Button>
        </Group>
      )}
    </Stack>
  );
}
