// Deletes a webhook, once its name has been typed.
import type { Webhook } from "../../api/schema";
import { useDeleteWebhook } from "../../api/webhooks";
import { DeleteDialog } from "../../components/DeleteDialog";

interface DeleteWebhookDialogProps {
  deleting: Webhook | null;
  onClose: () => void;
}

export function DeleteWebhookDialog(props: DeleteWebhookDialogProps) {
  return (
    <DeleteDialog noun="webhook" remove={useDeleteWebhook()} done="Webhook deleted." {...props}>
      It is told nothing more. What is on its way to it and the list of its deliveries are gone, and so is its secret.
    </DeleteDialog>
  );
}
