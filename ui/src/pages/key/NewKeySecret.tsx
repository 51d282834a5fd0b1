// The one time a key is shown. It must be acknowledged, for there is no second.
import { Alert, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { modelsQuery } from "../../api/models";
import type { KeyCreated } from "../../api/schema";
import { SecretBox } from "../../components/SecretBox";
import { Snippets } from "../../components/Snippets";
import { modelFor, writeTerms } from "./terms";

export function NewKeySecret({ created, onDone }: { created: KeyCreated; onDone: () => void }) {
  const [stored, setStored] = useState(false);
  const models = useQuery(modelsQuery());
  return (
    <Stack>
      <Alert color="yellow" icon={<IconAlertTriangle />} title="Copy the key now">
        It will not be shown again: the gateway keeps only a digest of it. If it is lost, make a new one.
      </Alert>
      <SecretBox secret={created.key} copy="Copy key" testId="new-key" />
      <Text size="sm" c="dimmed">
        {writeTerms(created)}
      </Text>
      <Snippets
        origin={window.location.origin}
        secret={created.key}
        endpoints={created.permissions.endpoints}
        model={modelFor(created.permissions.models, models.data?.items)}
      />
      <Group justify="space-between" mt="xs">
        <Checkbox
          label="I have stored this key safely"
          checked={stored}
          onChange={(event) => setStored(event.currentTarget.checked)}
        />
        <Button onClick={onDone} disabled={!stored}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
