// Username and password of the first administrator.
import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Failure } from "../../api/failure";
import { useSetUp } from "../../api/session";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors, refusedField } from "../../components/fieldErrors";

const FIELDS = ["username", "password"] as const;

export function SetupForm({ token }: { token: string }) {
  const setUp = useSetUp();
  const form = useForm({
    initialValues: { username: "", password: "", again: "" },
    validate: { again: (again, values) => (again === values.password ? null : "This is not the same password.") },
  });
  const submit = form.onSubmit(({ username, password }) =>
    setUp.mutate({ token, username, password }, { onError: (error) => form.setErrors(fieldErrors(error, FIELDS)) }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          autoFocus
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label="Password"
          autoComplete="new-password"
          required
          withAsterisk={false}
          {...form.getInputProps("password")}
        />
        <PasswordInput
          label="Password, again"
          autoComplete="new-password"
          required
          withAsterisk={false}
          {...form.getInputProps("again")}
        />
        <SetupFailure error={setUp.error} />
        <Button type="submit" fullWidth loading={setUp.isPending}>
          Make the administrator
        </Button>
      </Stack>
    </form>
  );
}

function SetupFailure({ error }: { error: unknown }) {
  if (!error) return null;
  const { status, param } = Failure.of(error);
  const wrongToken = param === "token" || status === 401 || status === 403;
  if (!wrongToken || refusedField(error, FIELDS)) return <FormFailure error={error} shown={FIELDS} />;
  return (
    <Alert color="red" role="alert" title="This set-up link is not valid">
      It may be cut short, or from an earlier start. Open the newest link that the gateway printed.
    </Alert>
  );
}
