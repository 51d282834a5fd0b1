// Log-in; leads back to the page that was wanted.
import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation } from "react-router";
import { sessionQuery, setupQuery, useLogIn } from "../../api/session";
import { wantedPath } from "../../app/returnTo";
import { FormFailure } from "../../components/FormFailure";
import { Door } from "./Door";
import { SetupNeeded } from "./SetupNeeded";

export function LoginPage() {
  const { search } = useLocation();
  const session = useQuery(sessionQuery);
  const setup = useQuery(setupQuery);
  if (session.data) return <Navigate to={wantedPath(search)} replace />;
  if (setup.data?.needed) return <SetupNeeded />;
  return (
    <Door title="Log in">
      <LoginForm />
    </Door>
  );
}

function LoginForm() {
  const logIn = useLogIn();
  const form = useForm({ initialValues: { username: "", password: "" } });
  return (
    <form onSubmit={form.onSubmit((values) => logIn.mutate(values))}>
      <Stack>
        <TextInput
          label="Username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          withAsterisk={false}
          required
          autoFocus
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          withAsterisk={false}
          required
          {...form.getInputProps("password")}
        />
        <FormFailure error={logIn.error} />
        <Button type="submit" fullWidth loading={logIn.isPending}>
          Log in
        </Button>
      </Stack>
    </form>
  );
}
