// Changes one's own password; other sessions of the account end.
import { Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useChangePassword } from "../api/session";
import { FormFailure } from "../components/FormFailure";
import { fieldErrors } from "../components/fieldErrors";
import { notifyDone } from "../components/notify";

export function ChangePasswordDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Change password">
      <ChangePasswordForm onDone={onClose} />
    </Modal>
  );
}

function ChangePasswordForm({ onDone }: { onDone: () => void }) {
  const change = useChangePassword();
  const form = useForm({
    initialValues: { current_password: "", new_password: "", again: "" },
    validate: {
      again: (again, values) => (again === values.new_password ? null : "This is not the same as the new password."),
    },
  });
  const submit = form.onSubmit(({ current_password, new_password }) =>
    change.mutate(
      { current_password, new_password },
      {
        onSuccess: () => {
          notifyDone("Password changed. Your other sessions are logged out.");
          onDone();
        },
        onError: (error) => form.setErrors(fieldErrors(error, ["current_password", "new_password"])),
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          required
          data-autofocus
          {...form.getInputProps("current_password")}
        />
        <PasswordInput
          label="New password"
          autoComplete="new-password"
          required
          {...form.getInputProps("new_password")}
        />
        <PasswordInput
          label="New password, again"
          autoComplete="new-password"
          required
          {...form.getInputProps("again")}
        />
        <Text size="sm" c="dimmed">
          Everyone else who is logged in with this account will be logged out.
        </Text>
        <FormFailure error={change.error} shown={["current_password", "new_password"]} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending}>
            Change password
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
