// Changes a key: name, expiry and limits.
import { Button, Group, Modal, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useChangeKey } from "../../api/keys";
import type { Key } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { notifyDone } from "../../components/notify";
import { KeyFields } from "./KeyFields";
import { keyErrors } from "./keyErrors";
import { changeOf, FIELDS, problems, valuesOf } from "./keyForm";

interface EditKeyDialogProps {
  editing: Key | null;
  onClose: () => void;
}

export function EditKeyDialog({ editing, onClose }: EditKeyDialogProps) {
  return (
    <Modal opened={editing !== null} onClose={onClose} title="Edit key" size="lg">
      {editing && <EditKeyForm editing={editing} onDone={onClose} />}
    </Modal>
  );
}

function EditKeyForm({ editing, onDone }: { editing: Key; onDone: () => void }) {
  const change = useChangeKey();
  const [before] = useState(() => valuesOf(editing));
  const form = useForm({ initialValues: before, validate: problems(before) });
  const submit = form.onSubmit((values) =>
    change.mutate(
      { id: editing.id, ...changeOf(values, before, Date.now()) },
      {
        onSuccess: () => {
          notifyDone("Key changed. It holds from its next request on.");
          onDone();
        },
        onError: (error) => form.setErrors(keyErrors(error)),
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <KeyFields form={form} />
        <FormFailure error={change.error} shown={FIELDS} />
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
