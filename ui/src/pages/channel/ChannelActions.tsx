// What can be done with a channel, at the end of its row.
import { ActionIcon, Button, Group, Menu } from "@mantine/core";
import { IconDots, IconPencil, IconPlayerPause, IconPlayerPlay, IconTrash } from "@tabler/icons-react";
import { useChangeChannel } from "../../api/channels";
import type { Channel } from "../../api/schema";
import { notifyDone, notifyFailure } from "../../components/notify";

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
    <Group gap={4} wrap="nowrap">
      <Button variant="default" size="compact-sm" aria-label={`Test ${channel.name}`} onClick={() => onTest(channel)}>
        Test
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More for ${channel.name}`}>
            <IconDots size={16} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} stroke={1.6} />} onClick={() => onEdit(channel)}>
            Edit
          </Menu.Item>
          <Menu.Item
            leftSection={
              active ? <IconPlayerPause size={16} stroke={1.6} /> : <IconPlayerPlay size={16} stroke={1.6} />
            }
            onClick={switchStatus}
          >
            {active ? "Disable" : "Enable"}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconTrash size={16} stroke={1.6} />} onClick={() => onDelete(channel)}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
