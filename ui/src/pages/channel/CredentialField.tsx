// The provider's credentials: can be entered, never read.
import { Alert, Button, Checkbox, Group, PasswordInput, Stack, Text } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { IconAlertTriangle, IconPlus } from "@tabler/icons-react";
import type { ChannelCredential } from "../../api/schema";
import { Status } from "../../components/Status";
import type { ChannelValues } from "./channelForm";
import { credentialState } from "./channelState";
import type { Hint } from "./kinds";

interface CredentialFieldProps {
  form: UseFormReturnType<ChannelValues>;
  /** What the provider takes. */
  hint: Hint;
}

export function CredentialField({ form, hint }: CredentialFieldProps) {
  const { stored } = form.values;
  const there = stored.length > 0;
  const more = () => form.setFieldValue("credentials", [...form.values.credentials, ""]);
  return (
    <Stack gap="xs">
      {stored.some(({ state }) => state === "unreadable") && (
        <Alert color="red" icon={<IconAlertTriangle />} title="A credential cannot be read">
          It was sealed with another master key. Enter it again: it replaces the one that cannot be read.
        </Alert>
      )}
      {stored.map((credential, place) => (
        <StoredCredential key={credential.id} credential={credential} number={place + 1} form={form} />
      ))}
      {form.values.credentials.map((_, place) => (
        <PasswordInput
          // biome-ignore lint/suspicious/noArrayIndexKey: a field is known by its place.
          key={place}
          label={place === 0 ? "Credential" : `Credential ${place + 1}`}
          description={place === 0 && (there ? ADDED : `${hint.about} Several are used in turn.`)}
          placeholder={there ? "one more" : hint.example}
          autoComplete="off"
          {...form.getInputProps(`credentials.${place}`)}
        />
      ))}
      {form.errors.credentials && (
        <Text size="sm" c="red">
          {form.errors.credentials}
        </Text>
      )}
      <Group>
        <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} />} onClick={more}>
          Another credential
        </Button>
      </Group>
    </Stack>
  );
}

const ADDED = "Leave it blank to change nothing; what is entered is added to what is stored.";

interface StoredCredentialProps {
  credential: ChannelCredential;
  number: number;
  form: UseFormReturnType<ChannelValues>;
}

function StoredCredential({ credential, number, form }: StoredCredentialProps) {
  const { word, tone } = credentialState(credential);
  const { removed } = form.values;
  const remove = (checked: boolean) =>
    form.setFieldValue("removed", checked ? [...removed, credential.id] : removed.filter((id) => id !== credential.id));
  return (
    <div>
      <Group justify="space-between" gap="xs">
        <Group gap="xs">
          <Text size="sm">Stored credential {number}</Text>
          <Status tone={tone}>{word}</Status>
        </Group>
        <Checkbox
          label="Remove"
          aria-label={`Remove stored credential ${number}`}
          checked={removed.includes(credential.id)}
          onChange={(event) => remove(event.currentTarget.checked)}
        />
      </Group>
      {credential.reason && (
        <Text size="xs" c="dimmed">
          The provider said: “{credential.reason}”
        </Text>
      )}
    </div>
  );
}
