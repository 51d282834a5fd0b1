// Makes a key: name and expiry, both optional; then the key, shown once.
import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useCreateKey } from "../../api/keys";
import type { KeyCreated } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { ExpiryFields } from "./ExpiryFields";
import { expiresAt, expiryProblem } from "./expiry";
import { NewKeySecret } from "./NewKeySecret";

export function CreateKeyDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [created, setCreated] = useState<KeyCreated | null>(null);
  const shown = created !== null;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={() => setCreated(null)}
      title={shown ? "Your new key" : "Create New Key"}
      size={shown ? "lg" : "md"}
      withCloseButton={!shown}
      closeOnEscape={!shown}
      closeOnClickOutside={!shown}
    >
      {shown ? (
        <NewKeySecret created={created} onDone={onClose} />
      ) : (
        <CreateKeyForm onCreated={setCreated} onCancel={onClose} />
      )}
    </Modal>
  );
}

interface CreateKeyFormProps {
  onCreated: (key: KeyCreated) => void;
  onCancel: () => void;
}

function CreateKeyForm({ onCreated, onCancel }: CreateKeyFormProps) {
  const create = useCreateKey();
  const form = useForm({
    initialValues: { name: "", expiry: "never", date: "" },
    validate: { date: (date, values) => expiryProblem(values.expiry, date, Date.now()) },
  });
  const submit = form.onSubmit(({ name, expiry, date }) =>
    create.mutate(
      { name: name.trim() || null, expires_at: expiresAt(expiry, date, Date.now()) },
      {
        onSuccess: onCreated,
        onError: (error) => {
          const { expires_at, ...errors } = fieldErrors(error, ["name", "expires_at"]);
          form.setErrors({ ...errors, expiry: expires_at });
        },
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Name"
          description="Optional. What it is for, so that you know it again."
          placeholder="website chat"
          maxLength={100}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <ExpiryFields form={form} />
        <FormFailure error={create.error} shown={["name", "expires_at"]} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Confirm Creation
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
