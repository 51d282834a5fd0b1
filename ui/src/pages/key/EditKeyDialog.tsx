// Changes a key's name and expiry.
import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useChangeKey } from "../../api/keys";
import type { Key } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { notifyDone } from "../../components/notify";
import { ExpiryFields } from "./ExpiryFields";
import { expiresAt, expiryProblem, localDay } from "./expiry";

interface EditKeyDialogProps {
  editing: Key | null;
  onClose: () => void;
}

export function EditKeyDialog({ editing, onClose }: EditKeyDialogProps) {
  return (
    <Modal opened={editing !== null} onClose={onClose} title="Edit key">
      {editing && <EditKeyForm editing={editing} onDone={onClose} />}
    </Modal>
  );
}

function EditKeyForm({ editing, onDone }: { editing: Key; onDone: () => void }) {
  const change = useChangeKey();
  const before = editing.expires_at ?? null;
  const initialValues = {
    name: editing.name ?? "",
    expiry: before ? "date" : "never",
    date: before ? localDay(before) : "",
  };
  const keepsExpiry = (values: typeof initialValues) =>
    values.expiry === initialValues.expiry && values.date === initialValues.date;
  const form = useForm({
    initialValues,
    validate: {
      // An expiry that is over may stay as it is; a new one must lie ahead.
      date: (date, values) => (keepsExpiry(values) ? null : expiryProblem(values.expiry, date, Date.now())),
    },
  });
  const submit = form.onSubmit((values) => {
    const expires_at = expiresAt(values.expiry, values.date, Date.now());
    const body = { name: values.name.trim() || null, ...(!keepsExpiry(values) && { expires_at }) };
    change.mutate(
      { id: editing.id, ...body },
      {
        onSuccess: () => {
          notifyDone("Key changed.");
          onDone();
        },
        onError: (error) => {
          const { expires_at, ...errors } = fieldErrors(error, ["name", "expires_at"]);
          form.setErrors({ ...errors, expiry: expires_at });
        },
      },
    );
  });
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label="Name" maxLength={100} data-autofocus {...form.getInputProps("name")} />
        <ExpiryFields form={form} />
        <FormFailure error={change.error} shown={["name", "expires_at"]} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
