// What holds for every key that is made from now on.
import { Button, Group, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Settings } from "../../api/schema";
import { useChangeSettings } from "../../api/settings";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { CapInput } from "../../components/limits/CapInput";
import { QuotaFields } from "../../components/limits/QuotaFields";
import { notifyDone } from "../../components/notify";
import { changeOf, FIELDS, problems, valuesOf } from "./policyForm";
import classes from "./Setting.module.css";

export function PolicyForm({ settings }: { settings: Settings }) {
  const change = useChangeSettings();
  const form = useForm({ initialValues: valuesOf(settings), validate: problems });
  const submit = form.onSubmit((values) =>
    change.mutate(changeOf(values), {
      onSuccess: (after) => {
        form.setValues(valuesOf(after));
        form.resetDirty(valuesOf(after));
        notifyDone("Policies saved. They hold for keys made from now on.");
      },
      onError: (error) => form.setErrors(fieldErrors(error, FIELDS)),
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack className={classes.column} gap="lg">
        <CapInput
          label="Longest lifetime, in days"
          description="A key made without an end gets this one; a later one is refused, to admins too."
          placeholder="for ever"
          inputContainer={(input) => <div className={classes.short}>{input}</div>}
          {...form.getInputProps("key_max_lifetime_days")}
        />
        <div>
          <Text size="sm" fw={550}>
            Default quota
          </Text>
          <Text size="xs" c="dimmed" mb="xs">
            For a key that is made without a quota of its own.
          </Text>
          <QuotaFields label="Default quota" field={(name) => form.getInputProps(`key_default_quota.${name}`)} />
        </div>
        <FormFailure error={change.error} shown={FIELDS} />
        <Group>
          <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
            Save policies
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
