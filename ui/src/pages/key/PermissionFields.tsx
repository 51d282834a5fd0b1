// Which models, endpoints and addresses a key may use; what is left empty allows all.
import { Stack, TagsInput } from "@mantine/core";
import type { KeyForm } from "./KeyFields";

/** Suggestions: the gateway knows all of them, and refuses a wrong one with the list. */
const ENDPOINTS = [
  "chat",
  "completions",
  "responses",
  "messages",
  "generate_content",
  "count_tokens",
  "embeddings",
  "embed_content",
  "moderations",
  "rerank",
  "images",
  "image_edits",
  "speech",
  "transcriptions",
  "translations",
];

export function PermissionFields({ form, models }: { form: KeyForm; models: string[] }) {
  const empty = (list: string[], words: string) => (list.length === 0 ? words : "");
  const { permissions } = form.values;
  const tags = { splitChars: [",", " "], acceptValueOnBlur: true };
  return (
    <Stack gap="sm">
      <TagsInput
        label="Models"
        description="Names, or patterns such as gpt-4o*. Enter after each."
        placeholder={empty(permissions.models, "all models")}
        data={models}
        {...tags}
        {...form.getInputProps("permissions.models")}
      />
      <TagsInput
        label="Endpoints"
        placeholder={empty(permissions.endpoints, "all endpoints")}
        data={ENDPOINTS}
        {...tags}
        {...form.getInputProps("permissions.endpoints")}
      />
      <TagsInput
        label="Client addresses"
        description="Addresses or blocks, such as 10.0.0.0/8 or 2001:db8::/32."
        placeholder={empty(permissions.ips, "every address")}
        {...tags}
        {...form.getInputProps("permissions.ips")}
      />
    </Stack>
  );
}
