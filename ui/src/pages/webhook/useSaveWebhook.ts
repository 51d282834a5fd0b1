// Adds a webhook, or changes the one there is.
import type { ChangedWebhook, Webhook } from "../../api/schema";
import { useChangeWebhook, useCreateWebhook } from "../../api/webhooks";
import { changeOf, newWebhookOf, type WebhookValues } from "./webhookForm";

interface Outcome {
  onSuccess: (saved: ChangedWebhook) => void;
  onError: (error: unknown) => void;
}

export function useSaveWebhook(webhook: Webhook | null) {
  const create = useCreateWebhook();
  const change = useChangeWebhook();
  const used = webhook ? change : create;
  return {
    error: used.error,
    pending: used.isPending,
    save: (values: WebhookValues, outcome: Outcome) => {
      if (!webhook) return create.mutate(newWebhookOf(values), outcome);
      return change.mutate({ id: webhook.id, ...changeOf(values) }, outcome);
    },
  };
}
