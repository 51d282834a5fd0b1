// What can be done with an entry that can be tested and switched off, at the end of its row.
import { ActionIcon, Button, Group, Menu } from "@mantine/core";
import { IconDots, IconPencil, IconPlayerPause, IconPlayerPlay, IconTrash } from "@tabler/icons-react";

interface RowActionsProps {
  name: string;
  active: boolean;
  onTest: () => void;
  onEdit: () => void;
  onSwitch: () => void;
  onDelete: () => void;
  /** It is set elsewhere: it can be looked at and tested. */
  fixed?: boolean;
}

export function RowActions({ name, active, onTest, onEdit, onSwitch, onDelete, fixed = false }: RowActionsProps) {
  const [verb, StatusIcon] = active ? ["Disable", IconPlayerPause] : ["Enable", IconPlayerPlay];
  return (
    <Group gap={4} wrap="nowrap">
      <Button variant="default" size="compact-sm" aria-label={`Test ${name}`} onClick={onTest}>
        Test
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More for ${name}`}>
            <IconDots size={16} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} stroke={1.6} />} onClick={onEdit}>
            {fixed ? "View" : "Edit"}
          </Menu.Item>
          <Menu.Item disabled={fixed} leftSection={<StatusIcon size={16} stroke={1.6} />} onClick={onSwitch}>
            {verb}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item disabled={fixed} color="red" leftSection={<IconTrash size={16} stroke={1.6} />} onClick={onDelete}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
