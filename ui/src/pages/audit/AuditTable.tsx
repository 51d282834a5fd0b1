// The changes, one a row, newest first.
import { Text } from "@mantine/core";
import type { AuditEntry } from "../../api/schema";
import { type Column, DataTable } from "../../components/DataTable";
import { Moment } from "../../components/Moment";
import { writeChanges } from "./changes";

export function AuditTable({ entries }: { entries: AuditEntry[] | undefined }) {
  const columns: Column<AuditEntry>[] = [
    { name: "Time", title: true, cell: (entry) => <Moment at={entry.at} never="" /> },
    {
      name: "Who",
      cell: (entry) =>
        entry.username ?? (
          <Text inherit c="dimmed">
            the gateway
          </Text>
        ),
    },
    { name: "Action", cell: (entry) => <code>{entry.action}</code> },
    { name: "What", cell: (entry) => entry.target_name ?? entry.target_id ?? "—" },
    { name: "Changes", cell: (entry) => <Changes entry={entry} /> },
    { name: "From", cell: (entry) => entry.client_ip ?? "—" },
  ];
  return <DataTable label="Audit" columns={columns} rows={entries} rowKey={(entry) => entry.id} />;
}

function Changes({ entry }: { entry: AuditEntry }) {
  const lines = writeChanges(entry.changes);
  if (lines.length === 0) return "—";
  return lines.map((line) => (
    <Text key={line} size="xs" lineClamp={2}>
      {line}
    </Text>
  ));
}
