// Makes a key's successor, shown once, and says when the old one ends. Both draw on one budget as long as both live.
import { Button, Group, Radio, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useRotateKey } from "../../api/keys";
import type { Key, KeyCreated } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { keyTitle } from "./keyStatus";
import { NewKeyModal } from "./NewKeyModal";
import { disableAfter, OVERLAPS } from "./rotation";

interface RotateKeyDialogProps {
  rotating: Key | null;
  onClose: () => void;
}

export function RotateKeyDialog({ rotating, onClose }: RotateKeyDialogProps) {
  return (
    <NewKeyModal opened={rotating !== null} title="Rotate key" onClose={onClose}>
      {(onCreated) => rotating && <RotateKeyForm rotating={rotating} onCreated={onCreated} onCancel={onClose} />}
    </NewKeyModal>
  );
}

interface RotateKeyFormProps {
  rotating: Key;
  onCreated: (key: KeyCreated) => void;
  onCancel: () => void;
}

function RotateKeyForm({ rotating, onCreated, onCancel }: RotateKeyFormProps) {
  const rotate = useRotateKey();
  const [overlap, setOverlap] = useState("86400");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        rotate.mutate({ id: rotating.id, ...disableAfter(overlap) }, { onSuccess: onCreated });
      }}
    >
      <Stack>
        <Text>
          A new key takes the place of <b>{keyTitle(rotating)}</b>, with the same limits. What both use is counted
          together, so that two keys do not double the quota.
        </Text>
        <Radio.Group label="Disable the old key" value={overlap} onChange={setOverlap}>
          <Stack gap="xs" mt={6}>
            {OVERLAPS.map(({ value, label }) => (
              <Radio key={value} value={value} label={label} {...(value === overlap && { "data-autofocus": true })} />
            ))}
          </Stack>
        </Radio.Group>
        <FormFailure error={rotate.error} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={rotate.isPending}>
            Rotate key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
