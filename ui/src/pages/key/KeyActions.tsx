// What can be done with a key, at the end of its row.
import { ActionIcon, Group, Menu, Tooltip } from "@mantine/core";
import { IconDots, IconListDetails, IconPencil, IconPlayerPause, IconPlayerPlay, IconTrash } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Key } from "../../api/schema";
import { keyTitle } from "./keyStatus";
import { useKeyStatusSwitch } from "./useKeyStatusSwitch";

export interface KeyActionsProps {
  of: Key;
  onEdit: (key: Key) => void;
  onDelete: (key: Key) => void;
}

export function KeyActions({ of: key, onEdit, onDelete }: KeyActionsProps) {
  const switchStatus = useKeyStatusSwitch();
  const title = keyTitle(key);
  const [verb, StatusIcon] = key.status === "active" ? ["Disable", IconPlayerPause] : ["Enable", IconPlayerPlay];
  return (
    <Group gap={2} wrap="nowrap">
      <Tooltip label={verb}>
        <ActionIcon variant="subtle" color="gray" aria-label={`${verb} ${title}`} onClick={() => switchStatus(key)}>
          <StatusIcon size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Delete">
        <ActionIcon variant="subtle" color="gray" aria-label={`Delete ${title}`} onClick={() => onDelete(key)}>
          <IconTrash size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More for ${title}`}>
            <IconDots size={16} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} stroke={1.6} />} onClick={() => onEdit(key)}>
            Edit
          </Menu.Item>
          <Menu.Item
            leftSection={<IconListDetails size={16} stroke={1.6} />}
            component={Link}
            to={`/log?key_id=${key.id}`}
          >
            View its calls
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
