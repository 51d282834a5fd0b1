// The provider's credential: can be entered, never read.
import { Alert, Checkbox, PasswordInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { CredentialState } from "../../api/schema";
import type { ChannelValues } from "./channelForm";
import type { Hint } from "./kinds";

interface CredentialFieldProps {
  form: UseFormReturnType<ChannelValues>;
  state: CredentialState;
  /** What the provider takes. */
  hint: Hint;
}

export function CredentialField({ form, state, hint }: CredentialFieldProps) {
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
        description={there ? "Leave it blank to keep what is stored." : hint.about}
        placeholder={there ? "stored" : hint.example}
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
