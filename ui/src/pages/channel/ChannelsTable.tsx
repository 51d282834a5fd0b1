// The channels, one a row.
import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Channel } from "../../api/schema";
import { type Column, DataTable } from "../../components/DataTable";
import { formatDuration } from "../../components/format/time";
import { Status } from "../../components/Status";
import { CostText, TokensText } from "../../components/UsageText";
import { ChannelActions, type ChannelActionsProps } from "./ChannelActions";
import { channelState, credentialsText, formatErrorRate } from "./channelState";
import { providerOf } from "./kinds";

interface ChannelsTableProps extends Omit<ChannelActionsProps, "channel"> {
  channels: Channel[] | undefined;
}

export function ChannelsTable({ channels, ...actions }: ChannelsTableProps) {
  const columns: Column<Channel>[] = [
    { name: "Name", title: true, cell: (channel) => <ChannelName channel={channel} /> },
    { name: "Status", cell: (channel) => <ChannelStatus channel={channel} /> },
    { name: "Models", cell: (channel) => <ModelNames names={channel.models} /> },
    { name: "Priority", number: true, cell: (channel) => channel.priority },
    { name: "Weight", number: true, cell: (channel) => channel.weight },
    { name: "Price", number: true, cell: (channel) => `× ${channel.price_multiplier}` },
    { name: "Latency", number: true, cell: ({ health }) => <Latency ms={health.latency_ms} /> },
    { name: "Errors", number: true, cell: ({ health }) => formatErrorRate(health.error_rate) },
    { name: "Tokens", number: true, cell: (channel) => <TokensText usage={channel.usage} /> },
    { name: "Cost", number: true, cell: (channel) => <CostText cost={channel.usage} /> },
    { name: "Actions", actions: true, cell: (channel) => <ChannelActions channel={channel} {...actions} /> },
  ];
  return (
    <DataTable
      label="Channels"
      columns={columns}
      rows={channels}
      expected={3}
      rowKey={(channel) => channel.id}
      onOpen={actions.onEdit}
    />
  );
}

function ChannelName({ channel }: { channel: Channel }) {
  return (
    <div style={{ minWidth: 0 }}>
      <Anchor inherit component={Link} to={{ search: `channel=${channel.id}` }} c="inherit" fw={550} lineClamp={2}>
        {channel.name}
      </Anchor>
      <Text size="xs" c="dimmed" truncate title={channel.base_url || undefined}>
        {providerOf(channel)}
        {channel.config_file && ` · set in ${channel.config_file}`}
      </Text>
    </div>
  );
}

function ChannelStatus({ channel }: { channel: Channel }) {
  const { word, tone } = channelState(channel);
  const credentials = credentialsText(channel.credentials);
  return (
    <span title={channel.health.reason ?? undefined}>
      <Status tone={tone}>{word}</Status>
      {credentials && (
        <Text size="xs" c="dimmed">
          {credentials}
        </Text>
      )}
    </span>
  );
}

/** From the call to the first event of a stream, on average. */
const Latency = ({ ms }: { ms: number | null }) => <>{ms === null ? "–" : formatDuration(ms)}</>;

const SHOWN = 2;

function ModelNames({ names }: { names: string[] }) {
  const more = names.length - SHOWN;
  return (
    <span title={names.join(", ")}>
      {names.slice(0, SHOWN).join(", ")}
      {more > 0 && (
        <>
          {" "}
          <Text span inherit c="dimmed" style={{ whiteSpace: "nowrap" }}>
            + {more} more
          </Text>
        </>
      )}
    </span>
  );
}
