// What can be done with a webhook, at the end of its row.
import type { Webhook } from "../../api/schema";
import { useChangeWebhook } from "../../api/webhooks";
import { notifyDone, notifyFailure } from "../../components/notify";
import { RowActions } from "../../components/RowActions";

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
    <RowActions
      name={webhook.name}
      active={active}
      onTest={() => onTest(webhook)}
      onEdit={() => onEdit(webhook)}
      onSwitch={switchStatus}
      onDelete={() => onDelete(webhook)}
    />
  );
}
