// The provider's credential: can be entered, never read.
import { Alert, Checkbox, PasswordInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { CredentialState } from "../../api/schema";
import type { ChannelValues } from "./channelForm";

interface CredentialFieldProps {
  form: UseFormReturnType<ChannelValues>;
  state: CredentialState;
}

export function CredentialField({ form, state }: CredentialFieldProps) {
  const there = state !== "none";
  return (
    <>
      {state === "unreadable" && (
        <Alert color="red" icon={<IconAlertTriangle />} title="The credential cannot be read">
          It was sealed with another master key. Enter it again to bring the channel back.
        </Alert>
      )}
      <PasswordInput
        label="Credential"
        description={
          there
            ? "Leave it blank to keep what is stored."
            : "The provider's API key; none for most servers of your own."
        }
        placeholder={there ? "stored" : "sk-…"}
        autoComplete="off"
        disabled={form.values.forgetCredential}
        {...form.getInputProps("credential")}
      />
      {there && (
        <Checkbox
          label="Remove the stored credential"
          {...form.getInputProps("forgetCredential", { type: "checkbox" })}
        />
      )}
    </>
  );
}
