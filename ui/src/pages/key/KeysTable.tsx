// The keys, one a row.
import { Anchor, Text } from "@mantine/core";
import { Link, useSearchParams } from "react-router";
import type { Key } from "../../api/schema";
import { changed } from "../../app/urlState";
import { type Column, DataTable } from "../../components/DataTable";
import { Moment } from "../../components/Moment";
import { Status } from "../../components/Status";
import { CostText, TokensText } from "../../components/UsageText";
import { KeyActions, type KeyActionsProps } from "./KeyActions";
import { keyStatus, keyTones } from "./keyStatus";

interface KeysTableProps extends Omit<KeyActionsProps, "of"> {
  keys: Key[] | undefined;
  stale: boolean;
  withOwner: boolean;
  onOpen: (key: Key) => void;
}

export function KeysTable({ keys, stale, withOwner, onOpen, onEdit, onDelete }: KeysTableProps) {
  const owner: Column<Key>[] = withOwner ? [{ name: "Owner", cell: (key) => <Owner of={key} /> }] : [];
  const columns: Column<Key>[] = [
    { name: "Name", title: true, cell: (key) => <KeyLink to={key} /> },
    { name: "Key", cell: (key) => <code>{key.masked}</code> },
    { name: "Status", cell: (key) => <Status tone={keyTones[keyStatus(key)]}>{keyStatus(key)}</Status> },
    ...owner,
    { name: "Tokens", number: true, cell: (key) => <TokensText usage={key.usage} /> },
    { name: "Cost", number: true, cell: (key) => <CostText cost={key.usage} /> },
    { name: "Created", cell: (key) => <Moment at={key.created_at} never="" short /> },
    { name: "Expires", cell: (key) => <Moment at={key.expires_at} never="never" short /> },
    { name: "Last used", cell: (key) => <Moment at={key.last_used_at} never="never" short /> },
    { name: "Actions", actions: true, cell: (key) => <KeyActions of={key} onEdit={onEdit} onDelete={onDelete} /> },
  ];
  return (
    <DataTable label="API keys" columns={columns} rows={keys} rowKey={(key) => key.id} onOpen={onOpen} stale={stale} />
  );
}

function Owner({ of: key }: { of: Key }) {
  return (
    <Text inherit truncate maw="8rem" title={key.account_username}>
      {key.account_username}
    </Text>
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
