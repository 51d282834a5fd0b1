// Usage of each key, model, account or channel, the largest first.
import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import type { UsageRow } from "../../api/schema";
import type { UsageGrouping } from "../../api/usage";
import { type Column, DataTable } from "../../components/DataTable";
import { formatCount, formatShort } from "../../components/format/count";
import { CostText, TokensText } from "../../components/UsageText";
import { bySize } from "./bySize";

const TITLES: Record<UsageGrouping, string> = { key: "Key", model: "Model", account: "Account", channel: "Channel" };
const FILTERS: Record<UsageGrouping, string> = {
  key: "key_id",
  model: "model",
  account: "account_id",
  channel: "channel_id",
};

interface UsageTableProps {
  rows: UsageRow[] | undefined;
  grouping: UsageGrouping;
  stale: boolean;
}

export function UsageTable({ rows, grouping, stale }: UsageTableProps) {
  const columns: Column<UsageRow>[] = [
    {
      name: TITLES[grouping],
      title: true,
      cell: ({ group }) => (
        <Anchor
          inherit
          c="inherit"
          fw={550}
          component={Link}
          to={{ pathname: "/log", search: new URLSearchParams({ [FILTERS[grouping]]: group?.id ?? "" }).toString() }}
        >
          {group?.name || "unnamed"}
        </Anchor>
      ),
    },
    { name: "Calls", number: true, cell: (row) => formatCount(row.requests) },
    { name: "Errors", number: true, cell: (row) => formatCount(row.errors) },
    { name: "Prompt", number: true, cell: (row) => formatShort(row.prompt_tokens) },
    { name: "Cached", number: true, cell: (row) => formatShort(row.cached_tokens) },
    { name: "Completion", number: true, cell: (row) => formatShort(row.completion_tokens) },
    { name: "Tokens", number: true, cell: (row) => <TokensText usage={row} /> },
    { name: "Cost", number: true, cell: (row) => <CostText cost={row} /> },
  ];
  return (
    <DataTable
      label={`Usage by ${grouping}`}
      columns={columns}
      rows={rows && bySize(rows)}
      rowKey={(row) => row.group?.id ?? ""}
      stale={stale}
    />
  );
}
