// The one time a webhook's secret is shown. It must be acknowledged, for there is no second.
import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { SecretBox } from "../../components/SecretBox";

export function WebhookSecretDialog({ secret, onDone }: { secret: string | null; onDone: () => void }) {
  return (
    <Modal
      opened={secret !== null}
      onClose={onDone}
      title="The webhook's secret"
      size="lg"
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
    >
      {secret !== null && (
        <Stack>
          <Alert color="yellow" icon={<IconAlertTriangle />} title="Copy the secret now">
            It will not be shown again. If it is lost, have a new one made.
          </Alert>
          <SecretBox secret={secret} copy="Copy secret" testId="new-secret" />
          <Text size="sm" c="dimmed">
            Every delivery bears <code>X-Real200-Signature: sha256=…</code>, the HMAC-SHA256 of its body under this
            secret in hexadecimal digits. Whoever receives it should compute the same and compare.
          </Text>
          <Group justify="flex-end">
            <Button onClick={onDone}>I have stored it</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
