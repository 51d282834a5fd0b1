// Calls, one a row, newest first.
import { Anchor, Group, Text, Tooltip } from "@mantine/core";
import { IconWaveSine } from "@tabler/icons-react";
import { Link, useSearchParams } from "react-router";
import type { Call } from "../../api/schema";
import { changed } from "../../app/urlState";
import { type Column, DataTable } from "../../components/DataTable";
import { formatCount } from "../../components/format/count";
import { formatDuration } from "../../components/format/time";
import { Moment } from "../../components/Moment";
import { Status } from "../../components/Status";
import { CallCost } from "../../components/UsageText";
import { callKey, callTones } from "./callStatus";

interface CallsTableProps {
  calls: Call[] | undefined;
  expected?: number;
  stale?: boolean;
  /** The page that shows the drawer, when it is not this one. */
  logPath?: string;
  onOpen: (call: Call) => void;
}

export function CallsTable({ calls, expected = 12, stale = false, logPath, onOpen }: CallsTableProps) {
  const [params] = useSearchParams();
  const target = (call: Call) =>
    logPath
      ? { pathname: logPath, search: `call=${call.id}` }
      : { search: changed(params, { call: call.id }).toString() };
  const columns: Column<Call>[] = [
    {
      name: "Time",
      title: true,
      cell: (call) => (
        <Anchor inherit c="inherit" fw={550} component={Link} to={target(call)}>
          <Moment at={call.started_at} never="" />
        </Anchor>
      ),
    },
    { name: "Status", cell: (call) => <CallOutcome call={call} /> },
    { name: "Model", cell: (call) => <ModelName call={call} /> },
    { name: "Key", cell: (call) => <KeyName call={call} /> },
    { name: "Prompt", number: true, cell: (call) => formatCount(call.usage.prompt_tokens) },
    { name: "Completion", number: true, cell: (call) => formatCount(call.usage.completion_tokens) },
    { name: "Cost", number: true, cell: (call) => <CallCost usd={call.cost_usd} /> },
    { name: "Latency", number: true, cell: (call) => formatDuration(call.latency_ms) },
  ];
  return (
    <DataTable
      label="Calls"
      columns={columns}
      rows={calls}
      expected={expected}
      rowKey={(call) => call.id}
      onOpen={onOpen}
      stale={stale}
    />
  );
}

function CallOutcome({ call }: { call: Call }) {
  const status = <Status tone={callTones[call.status]}>{call.status}</Status>;
  if (call.status === "ok") return status;
  return (
    <Tooltip label={[call.http_status, call.error_code].filter(Boolean).join(" ")}>
      <span>{status}</span>
    </Tooltip>
  );
}

function ModelName({ call }: { call: Call }) {
  return (
    <Group component="span" display="inline-flex" gap={6} wrap="nowrap">
      {call.model}
      {call.stream && (
        <Tooltip label="Streamed">
          <IconWaveSine size={14} stroke={1.6} style={{ flex: "none", opacity: 0.6 }} aria-label="streamed" />
        </Tooltip>
      )}
    </Group>
  );
}

function KeyName({ call }: { call: Call }) {
  return (
    <Text inherit span lineClamp={1}>
      {call.key_name || <code>{callKey(call)}</code>}
      {call.key_deleted && (
        <Text span inherit c="dimmed">
          {" "}
          (deleted)
        </Text>
      )}
    </Text>
  );
}
