// What can be done with a channel, at the end of its row.
import { useChangeChannel } from "../../api/channels";
import type { Channel } from "../../api/schema";
import { notifyDone, notifyFailure } from "../../components/notify";
import { RowActions } from "../../components/RowActions";

export interface ChannelActionsProps {
  channel: Channel;
  onTest: (channel: Channel) => void;
  onEdit: (channel: Channel) => void;
  onDelete: (channel: Channel) => void;
}

export function ChannelActions({ channel, onTest, onEdit, onDelete }: ChannelActionsProps) {
  const change = useChangeChannel();
  const active = channel.status === "active";
  const switchStatus = () =>
    change.mutate(
      { id: channel.id, status: active ? "disabled" : "active" },
      {
        onSuccess: () => notifyDone(active ? "Channel disabled." : "Channel enabled."),
        onError: notifyFailure("The channel was not changed"),
      },
    );
  return (
    <RowActions
      name={channel.name}
      active={active}
      fixed={channel.source === "config"}
      onTest={() => onTest(channel)}
      onEdit={() => onEdit(channel)}
      onSwitch={switchStatus}
      onDelete={() => onDelete(channel)}
    />
  );
}
