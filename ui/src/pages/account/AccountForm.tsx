// Creates an account, or changes its name, role and password.
import { Button, Group, NumberInput, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useChangeAccount, useCreateAccount } from "../../api/accounts";
import type { Account, Role } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { notifyDone } from "../../components/notify";

const FIELDS = ["username", "password", "role", "balance_low_usd"] as const;
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
  const initialValues: { username: string; password: string; role: Role; balance_low_usd: number | string } = {
    username: account?.username ?? "",
    password: "",
    role: account?.role ?? "member",
    balance_low_usd: account?.balance_low_usd ?? "",
  };
  const form = useForm({ initialValues });
  const outcome = {
    onSuccess: () => {
      notifyDone(account ? "Account changed." : "Account created.");
      onDone();
    },
    onError: (error: unknown) => form.setErrors(fieldErrors(error, FIELDS)),
  };
  const submit = form.onSubmit(({ password, balance_low_usd: threshold, ...rest }) => {
    const values = { ...rest, balance_low_usd: threshold === "" ? null : Number(threshold) };
    if (!account) return create.mutate({ ...values, password }, outcome);
    return change.mutate({ id: account.id, ...values, ...(password && { password }) }, outcome);
  });
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
        <NumberInput
          label="Low balance"
          description="Webhooks are told when less than this is left of the account's total. Blank: never."
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
