// Deletes a webhook, once its name has been typed.
import type { Webhook } from "../../api/schema";
import { useDeleteWebhook } from "../../api/webhooks";
import { notifyDone } from "../../components/notify";
import { TypeConfirmation } from "../../components/TypeConfirmation";

interface DeleteWebhookDialogProps {
  deleting: Webhook | null;
  onClose: () => void;
}

export function DeleteWebhookDialog({ deleting, onClose }: DeleteWebhookDialogProps) {
  const remove = useDeleteWebhook();
  const close = () => {
    remove.reset();
    onClose();
  };
  const confirm = () =>
    deleting &&
    remove.mutate(deleting.id, {
      onSuccess: () => {
        notifyDone("Webhook deleted.");
        close();
      },
    });
  return (
    <TypeConfirmation
      opened={deleting !== null}
      title="Delete webhook"
      word={deleting?.name ?? ""}
      action="Delete webhook"
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={confirm}
    >
      It is told nothing more. What is on its way to it and the list of its deliveries are gone, and so is its secret.
    </TypeConfirmation>
  );
}
