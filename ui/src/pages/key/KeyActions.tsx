// What can be done with a key, at the end of its row.
import { ActionIcon, Group, Menu, Tooltip } from "@mantine/core";
import {
  IconDots,
  IconListDetails,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { Link } from "react-router";
import type { Key } from "../../api/schema";
import { keyTitle } from "./keyStatus";
import { canRotate } from "./rotation";
import { useKeyStatusSwitch } from "./useKeyStatusSwitch";

export interface KeyActionsHandlers {
  onEdit: (key: Key) => void;
  onRotate: (key: Key) => void;
  onDelete: (key: Key) => void;
}

export function KeyActions({ of: key, onEdit, onRotate, onDelete }: KeyActionsHandlers & { of: Key }) {
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
          {canRotate(key) && (
            <Menu.Item leftSection={<IconRefresh size={16} stroke={1.6} />} onClick={() => onRotate(key)}>
              Rotate
            </Menu.Item>
          )}
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
