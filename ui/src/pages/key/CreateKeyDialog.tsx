// Makes a key: all fields are optional, and a preset fills in those that limit it; then the key, shown once.
import { Button, Group, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useCreateKey } from "../../api/keys";
import { modelsQuery } from "../../api/models";
import type { KeyCreated } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { KeyFields } from "./KeyFields";
import { keyErrors } from "./keyErrors";
import { blank, FIELDS, newKeyOf, problems } from "./keyForm";
import { NewKeyModal } from "./NewKeyModal";
import { PresetChoice } from "./PresetChoice";
import { limitsOf, type Preset } from "./presets";

export function CreateKeyDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <NewKeyModal opened={opened} title="Create New Key" onClose={onClose}>
      {(onCreated) => <CreateKeyForm onCreated={onCreated} onCancel={onClose} />}
    </NewKeyModal>
  );
}

interface CreateKeyFormProps {
  onCreated: (key: KeyCreated) => void;
  onCancel: () => void;
}

function CreateKeyForm({ onCreated, onCancel }: CreateKeyFormProps) {
  const create = useCreateKey();
  const cache = useQueryClient();
  const [preset, setPreset] = useState<Preset>("none");
  const form = useForm({ initialValues: blank(), validate: problems(blank()) });
  const pick = async (next: Preset) => {
    setPreset(next);
    const models = await cache.fetchQuery(modelsQuery()).catch(() => undefined);
    form.setValues(limitsOf(next, models?.items ?? []));
    form.clearErrors();
  };
  const submit = form.onSubmit((values) =>
    create.mutate(newKeyOf(values, Date.now()), {
      onSuccess: onCreated,
      onError: (error) => form.setErrors(keyErrors(error)),
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <KeyFields form={form} opened={preset === "third-party" ? ["Permissions"] : []}>
          <PresetChoice preset={preset} onPick={pick} />
        </KeyFields>
        <FormFailure error={create.error} shown={FIELDS} />
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
