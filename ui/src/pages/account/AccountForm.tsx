// Creates an account, or changes it: name, role, password, and what all its keys together may consume.
import { Button, Group, NumberInput, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useChangeAccount, useCreateAccount } from "../../api/accounts";
import type { Account } from "../../api/schema";
import { type Fold, Folds } from "../../components/Fold";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { quotaOf, rateOf } from "../../components/limits/limitValues";
import { writeQuota, writeRate } from "../../components/limits/limitWords";
import { QuotaFields } from "../../components/limits/QuotaFields";
import { RateFields } from "../../components/limits/RateFields";
import { notifyDone } from "../../components/notify";
import { changeOf, FIELDS, newAccountOf, problems, valuesOf } from "./accountForm";

const ROLES = [
  { value: "member", label: "member: sees and changes what is theirs" },
  { value: "admin", label: "admin: sees and changes everything" },
];

interface AccountFormProps {
  /** The account to change; without one, a new one is created. */
  account: Account | null;
  onDone: () => void;
}

export function AccountForm({ account, onDone }: AccountFormProps) {
  const create = useCreateAccount();
  const change = useChangeAccount();
  const used = account ? change : create;
  const [before] = useState(() => valuesOf(account));
  const form = useForm({ initialValues: before, validate: problems });
  const outcome = {
    onSuccess: () => {
      notifyDone(account ? "Account changed." : "Account created.");
      onDone();
    },
    onError: (error: unknown) => form.setErrors(fieldErrors(error, FIELDS)),
  };
  const submit = form.onSubmit((values) =>
    account
      ? change.mutate({ id: account.id, ...changeOf(values, before) }, outcome)
      : create.mutate(newAccountOf(values), outcome),
  );
  const { quota, rate_limit } = form.values;
  const wrong = (group: string) => Object.keys(form.errors).some((field) => field.startsWith(`${group}.`));
  const folds: Fold[] = [
    {
      name: "Quota",
      summary: writeQuota(quotaOf(quota)) || "no cap",
      wrong: wrong("quota"),
      content: (
        <Stack gap="sm">
          <QuotaFields label="Quota" field={(name) => form.getInputProps(`quota.${name}`)} />
          <Text size="sm" c="dimmed">
            For all its keys together. USD in total is its balance: a top-up raises it.
          </Text>
        </Stack>
      ),
    },
    {
      name: "Rate limit",
      summary: writeRate(rateOf(rate_limit)) || "no limit",
      wrong: wrong("rate_limit"),
      content: <RateFields field={(name) => form.getInputProps(`rate_limit.${name}`)} />,
    },
  ];
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Username"
          autoCapitalize="none"
          spellCheck={false}
          required
          data-autofocus
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label={account ? "New password" : "Password"}
          {...(account && { description: "Leave it blank to keep the one there is." })}
          autoComplete="new-password"
          required={!account}
          {...form.getInputProps("password")}
        />
        <Select label="Role" data={ROLES} allowDeselect={false} {...form.getInputProps("role")} />
        <Folds folds={folds} />
        <NumberInput
          label="Low balance"
          description="Webhooks are told when less than this is left of its balance. Blank: never."
          prefix="$"
          min={0}
          allowNegative={false}
          {...form.getInputProps("balance_low_usd")}
        />
        <FormFailure error={used.error} shown={FIELDS} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={used.isPending}>
            {account ? "Save" : "Create account"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
