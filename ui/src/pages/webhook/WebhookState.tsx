// Whether a webhook is told anything.
import type { Webhook } from "../../api/schema";
import { Status } from "../../components/Status";

export function WebhookState({ webhook }: { webhook: Webhook }) {
  if (webhook.status === "disabled") return <Status tone="quiet">disabled</Status>;
  if (!webhook.secret_readable) return <Status tone="bad">secret unreadable</Status>;
  return <Status tone="good">active</Status>;
}
