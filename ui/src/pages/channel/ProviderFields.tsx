// Where a channel's provider is, and what it is called with: as far as its kind asks for it.
import { TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { CredentialField } from "./CredentialField";
import type { ChannelValues } from "./channelForm";
import { KINDS } from "./kinds";

export function ProviderFields({ form }: { form: UseFormReturnType<ChannelValues> }) {
  const { address, credential, api_version } = KINDS[form.values.kind];
  return (
    <>
      {address && (
        <TextInput
          label="Base URL"
          description={address.about}
          placeholder={address.example}
          inputMode="url"
          required={!address.usual}
          {...form.getInputProps("base_url")}
        />
      )}
      {credential && <CredentialField form={form} hint={credential} />}
      {api_version && (
        <TextInput
          label="API version"
          description={api_version.about}
          placeholder={api_version.example}
          {...form.getInputProps("api_version")}
        />
      )}
    </>
  );
}
