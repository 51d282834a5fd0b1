// The channels, one a row.
import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Channel } from "../../api/schema";
import { type Column, DataTable } from "../../components/DataTable";
import { Status } from "../../components/Status";
import { CostText, TokensText } from "../../components/UsageText";
import { ChannelActions, type ChannelActionsProps } from "./ChannelActions";

interface ChannelsTableProps extends Omit<ChannelActionsProps, "channel"> {
  channels: Channel[] | undefined;
}

export function ChannelsTable({ channels, ...actions }: ChannelsTableProps) {
  const columns: Column<Channel>[] = [
    { name: "Name", title: true, cell: (channel) => <ChannelName channel={channel} /> },
    { name: "Status", cell: (channel) => <ChannelState channel={channel} /> },
    { name: "Models", cell: (channel) => <ModelNames names={channel.models} /> },
    { name: "Priority", number: true, cell: (channel) => channel.priority },
    { name: "Weight", number: true, cell: (channel) => channel.weight },
    { name: "Price", number: true, cell: (channel) => `× ${channel.price_multiplier}` },
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
      <Text size="xs" c="dimmed" truncate>
        {channel.kind === "echo" ? "echo, built in" : channel.base_url}
      </Text>
    </div>
  );
}

function ChannelState({ channel }: { channel: Channel }) {
  if (channel.status === "disabled") return <Status tone="quiet">disabled</Status>;
  if (channel.credential_state === "unreadable") return <Status tone="bad">credential unreadable</Status>;
  return <Status tone="good">active</Status>;
}

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
