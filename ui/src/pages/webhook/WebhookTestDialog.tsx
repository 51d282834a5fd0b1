// Sends a test to a webhook and shows what came of it.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { Webhook } from "../../api/schema";
import { useTestWebhook } from "../../api/webhooks";
import { FormFailure } from "../../components/FormFailure";
import { DeliveryOutcome } from "./DeliveryOutcome";

export function WebhookTestDialog({ testing, onClose }: { testing: Webhook | null; onClose: () => void }) {
  return (
    <Modal opened={testing !== null} onClose={onClose} title={`Test ${testing?.name ?? ""}`}>
      {testing && <WebhookTest webhook={testing} />}
    </Modal>
  );
}

function WebhookTest({ webhook }: { webhook: Webhook }) {
  const test = useTestWebhook();
  return (
    <Stack>
      <Text c="dimmed">
        Sends an event named <code>test</code>, once, signed like all others.
      </Text>
      <Group>
        <Button loading={test.isPending} onClick={() => test.mutate(webhook.id)} data-autofocus>
          Send a test
        </Button>
      </Group>
      <div aria-live="polite">{test.data && <DeliveryOutcome delivery={test.data} />}</div>
      <FormFailure error={test.error} />
    </Stack>
  );
}
