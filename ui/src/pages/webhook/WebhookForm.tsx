// Adds or changes a webhook.
import { Button, Checkbox, Group, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { ChangedWebhook, Webhook } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { notifyDone } from "../../components/notify";
import { useSaveWebhook } from "./useSaveWebhook";
import { blank, EVENTS, FIELDS, problems, valuesOf, type WebhookValues } from "./webhookForm";

interface WebhookFormProps {
  /** The webhook to change; without one, a new one is added. */
  webhook: Webhook | null;
  onSaved: (saved: ChangedWebhook) => void;
  onCancel: () => void;
}

export function WebhookForm({ webhook, onSaved, onCancel }: WebhookFormProps) {
  const saving = useSaveWebhook(webhook);
  const form = useForm<WebhookValues>({ initialValues: webhook ? valuesOf(webhook) : blank, validate: problems });
  const submit = form.onSubmit((values) =>
    saving.save(values, {
      onSuccess: (saved) => {
        notifyDone(webhook ? "Webhook changed." : "Webhook added.");
        onSaved(saved);
      },
      onError: (error) => form.setErrors(fieldErrors(error, FIELDS)),
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label="Name" placeholder="on-call" required data-autofocus {...form.getInputProps("name")} />
        <TextInput
          label="URL"
          description="Gets a POST with JSON. Addresses of private networks must be allowed in the configuration."
          placeholder="https://example.com/hook"
          inputMode="url"
          spellCheck={false}
          required
          {...form.getInputProps("url")}
        />
        <Checkbox.Group label="Events" required {...form.getInputProps("events")}>
          <Stack gap="xs" mt={6}>
            {EVENTS.map(({ value, label, about }) => (
              <Checkbox key={value} value={value} label={label} description={about} />
            ))}
          </Stack>
        </Checkbox.Group>
        <PasswordInput
          label="Secret"
          description={
            webhook
              ? "Leave it blank to keep what is stored."
              : "Signs what is sent, so that the receiver can check it. Leave it blank to have one made."
          }
          placeholder={webhook ? "stored" : ""}
          autoComplete="off"
          disabled={form.values.renewSecret}
          {...form.getInputProps("secret")}
        />
        {webhook && <Checkbox label="Make a new secret" {...form.getInputProps("renewSecret", { type: "checkbox" })} />}
        <FormFailure error={saving.error} shown={FIELDS} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={saving.pending}>
            {webhook ? "Save" : "Add webhook"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
