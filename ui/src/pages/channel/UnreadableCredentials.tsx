// Channels whose credential was sealed with another master key, by name, each with the way to enter it again.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { Channel } from "../../api/schema";

interface UnreadableCredentialsProps {
  channels: Channel[];
  onEdit: (channel: Channel) => void;
}

export function UnreadableCredentials({ channels, onEdit }: UnreadableCredentialsProps) {
  const broken = channels.filter(
    ({ credential_state, credentials }) =>
      credential_state === "unreadable" || credentials.some(({ state }) => state === "unreadable"),
  );
  if (broken.length === 0) return null;
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconAlertTriangle />}
      title="The master key has changed: some credentials cannot be read"
    >
      <Stack gap="xs">
        <Text>
          These channels make no calls with them until they are entered again, or the gateway is started with the old
          master key.
        </Text>
        {broken.map((channel) => (
          <Group key={channel.id} justify="space-between" gap="xs">
            <Text fw={550}>{channel.name}</Text>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Enter the credential of ${channel.name} again`}
              onClick={() => onEdit(channel)}
            >
              Enter again
            </Button>
          </Group>
        ))}
      </Stack>
    </Alert>
  );
}
