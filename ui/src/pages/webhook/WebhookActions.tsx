// What can be done with a webhook, at the end of its row.
import { ActionIcon, Button, Group, Menu } from "@mantine/core";
import { IconDots, IconPencil, IconPlayerPause, IconPlayerPlay, IconTrash } from "@tabler/icons-react";
import type { Webhook } from "../../api/schema";
import { useChangeWebhook } from "../../api/webhooks";
import { notifyDone, notifyFailure } from "../../components/notify";

export interface WebhookActionsProps {
  webhook: Webhook;
  onTest: (webhook: Webhook) => void;
  onEdit: (webhook: Webhook) => void;
  onDelete: (webhook: Webhook) => void;
}

export function WebhookActions({ webhook, onTest, onEdit, onDelete }: WebhookActionsProps) {
  const change = useChangeWebhook();
  const active = webhook.status === "active";
  const switchStatus = () =>
    change.mutate(
      { id: webhook.id, status: active ? "disabled" : "active" },
      {
        onSuccess: () => notifyDone(active ? "Webhook disabled: what was on its way is given up." : "Webhook enabled."),
        onError: notifyFailure("The webhook was not changed"),
      },
    );
  return (
    <Group gap={4} wrap="nowrap">
      <Button variant="default" size="compact-sm" aria-label={`Test ${webhook.name}`} onClick={() => onTest(webhook)}>
        Test
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More for ${webhook.name}`}>
            <IconDots size={16} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} stroke={1.6} />} onClick={() => onEdit(webhook)}>
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
          <Menu.Item color="red" leftSection={<IconTrash size={16} stroke={1.6} />} onClick={() => onDelete(webhook)}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
