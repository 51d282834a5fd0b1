// The keys, one a row.
import { Anchor, Text } from "@mantine/core";
import { Link, useSearchParams } from "react-router";
import type { Hint, Key } from "../../api/schema";
import { changed } from "../../app/urlState";
import { type Column, DataTable } from "../../components/DataTable";
import { QuotaGlance } from "../../components/limits/QuotaGlance";
import { linesOf } from "../../components/limits/standing";
import { Moment } from "../../components/Moment";
import { CostText, TokensText } from "../../components/UsageText";
import { HintMark } from "./HintMark";
import { KeyActions, type KeyActionsHandlers } from "./KeyActions";
import { KeyStateText } from "./KeyStateText";

interface KeysTableProps extends KeyActionsHandlers {
  keys: Key[] | undefined;
  stale: boolean;
  /** The owner is named where it is somebody else. */
  viewerId: string;
  onOpen: (key: Key) => void;
}

export function KeysTable({ keys, stale, viewerId, onOpen, ...actions }: KeysTableProps) {
  const columns: Column<Key>[] = [
    { name: "Name", title: true, cell: (key) => <KeyName of={key} viewerId={viewerId} /> },
    { name: "Key", cell: (key) => <code>{key.masked}</code> },
    { name: "Status", cell: (key) => <KeyStateText of={key} /> },
    { name: "Quota", cell: (key) => <KeyQuota of={key} /> },
    { name: "Tokens", number: true, cell: (key) => <TokensText usage={key.usage} /> },
    { name: "Cost", number: true, cell: (key) => <CostText cost={key.usage} /> },
    { name: "Created", cell: (key) => <Moment at={key.created_at} never="" short /> },
    { name: "Expires", cell: (key) => <KeyMoment of={key} at={key.expires_at} hint="no_expiry" /> },
    { name: "Last used", cell: (key) => <KeyMoment of={key} at={key.last_used_at} hint="unused" /> },
    { name: "Actions", actions: true, cell: (key) => <KeyActions of={key} {...actions} /> },
  ];
  return (
    <DataTable label="API keys" columns={columns} rows={keys} rowKey={(key) => key.id} onOpen={onOpen} stale={stale} />
  );
}

function KeyName({ of: key, viewerId }: { of: Key; viewerId: string }) {
  return (
    <>
      <KeyLink to={key} />
      {key.account_id !== viewerId && (
        <Text size="xs" c="dimmed" truncate title={`Owner: ${key.account_username}`}>
          {key.account_username}
        </Text>
      )}
    </>
  );
}

function KeyQuota({ of: key }: { of: Key }) {
  const [params] = useSearchParams();
  const lines = linesOf(key.quota, key.balance);
  if (lines.length > 0) {
    const search = changed(params, { key: key.id }).toString();
    return <QuotaGlance lines={lines} to={{ search }} />;
  }
  return (
    <Text span inherit c="dimmed">
      no cap
      <HintMark of={key} hint="no_limit" />
    </Text>
  );
}

function KeyMoment({ of: key, at, hint }: { of: Key; at: string | null; hint: Hint }) {
  return (
    <span style={{ whiteSpace: "nowrap" }}>
      <Moment at={at} never="never" short />
      <HintMark of={key} hint={hint} />
    </span>
  );
}

function KeyLink({ to: key }: { to: Key }) {
  const [params] = useSearchParams();
  const search = changed(params, { key: key.id }).toString();
  return (
    <Anchor inherit component={Link} to={{ search }} c="inherit" fw={550} lineClamp={2}>
      {key.name || (
        <Text span inherit c="dimmed" fw={400}>
          unnamed
        </Text>
      )}
    </Anchor>
  );
}
