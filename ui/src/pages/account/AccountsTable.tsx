// The accounts, one a row.
import { ActionIcon, Anchor, Group, Text, Tooltip } from "@mantine/core";
import { IconCoin, IconPlayerPause, IconPlayerPlay, IconTrash } from "@tabler/icons-react";
import { Link, useSearchParams } from "react-router";
import { useChangeAccount } from "../../api/accounts";
import type { Account } from "../../api/schema";
import { changed } from "../../app/urlState";
import { type Column, DataTable } from "../../components/DataTable";
import { formatCount } from "../../components/format/count";
import { formatUsdExact } from "../../components/format/money";
import { QuotaGlance } from "../../components/limits/QuotaGlance";
import { linesOf } from "../../components/limits/standing";
import { Mark } from "../../components/Mark";
import { Moment } from "../../components/Moment";
import { notifyDone, notifyFailure } from "../../components/notify";
import { Status } from "../../components/Status";
import { CostText, TokensText } from "../../components/UsageText";
import { hasBalance, isLow } from "./balance";

interface AccountsTableProps {
  accounts: Account[] | undefined;
  onEdit: (account: Account) => void;
  onTopUp: (account: Account) => void;
  onDelete: (account: Account) => void;
}

export function AccountsTable({ accounts, onEdit, ...actions }: AccountsTableProps) {
  const columns: Column<Account>[] = [
    { name: "Username", title: true, cell: (account) => <AccountLink account={account} /> },
    { name: "Role", cell: (account) => account.role },
    {
      name: "Status",
      cell: (account) => <Status tone={account.status === "active" ? "good" : "quiet"}>{account.status}</Status>,
    },
    {
      name: "Keys",
      number: true,
      cell: (account) => (
        <Anchor
          inherit
          component={Link}
          to={`/token?account_id=${account.id}`}
          aria-label={`Keys of ${account.username}`}
        >
          {formatCount(account.key_count)}
        </Anchor>
      ),
    },
    { name: "Quota", cell: (account) => <AccountQuota account={account} /> },
    { name: "Tokens", number: true, cell: (account) => <TokensText usage={account.usage} /> },
    { name: "Cost", number: true, cell: (account) => <CostText cost={account.usage} /> },
    { name: "Created", cell: (account) => <Moment at={account.created_at} never="" /> },
    { name: "Actions", actions: true, cell: (account) => <AccountActions account={account} {...actions} /> },
  ];
  return (
    <DataTable label="Accounts" columns={columns} rows={accounts} rowKey={(account) => account.id} onOpen={onEdit} />
  );
}

function AccountQuota({ account }: { account: Account }) {
  const [params] = useSearchParams();
  const lines = linesOf(account.quota, account.balance);
  if (lines.length > 0) {
    const search = changed(params, { account: account.id }).toString();
    return (
      <>
        <QuotaGlance lines={lines} to={{ search }} />
        {isLow(account) && (
          <Text size="xs" c="dimmed" lh={1.35}>
            balance low
            <Mark>{`Less is left than ${formatUsdExact(account.balance_low_usd ?? 0)}, at which webhooks are told. Top it up.`}</Mark>
          </Text>
        )}
      </>
    );
  }
  return (
    <Text span inherit c="dimmed">
      no cap
    </Text>
  );
}

function AccountLink({ account }: { account: Account }) {
  const [params] = useSearchParams();
  return (
    <Anchor
      inherit
      c="inherit"
      fw={550}
      component={Link}
      to={{ search: changed(params, { account: account.id }).toString() }}
    >
      {account.username}
    </Anchor>
  );
}

function AccountActions({
  account,
  onTopUp,
  onDelete,
}: Pick<AccountsTableProps, "onTopUp" | "onDelete"> & { account: Account }) {
  const change = useChangeAccount();
  const active = account.status === "active";
  const [verb, StatusIcon] = active ? ["Disable", IconPlayerPause] : ["Enable", IconPlayerPlay];
  const switchStatus = () =>
    change.mutate(
      { id: account.id, status: active ? "disabled" : "active" },
      {
        onSuccess: () => notifyDone(active ? "Account disabled: its keys stop working." : "Account enabled."),
        onError: notifyFailure("The account was not changed"),
      },
    );
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      {hasBalance(account) && (
        <Tooltip label="Top up">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Top up ${account.username}`}
            onClick={() => onTopUp(account)}
          >
            <IconCoin size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      )}
      <Tooltip label={verb}>
        <ActionIcon variant="subtle" color="gray" aria-label={`${verb} ${account.username}`} onClick={switchStatus}>
          <StatusIcon size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Delete">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Delete ${account.username}`}
          onClick={() => onDelete(account)}
        >
          <IconTrash size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
