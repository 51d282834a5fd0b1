// Which models, endpoints and addresses a key may use; what is left empty allows all.
import { MultiSelect, Stack, TagsInput, Text } from "@mantine/core";
import type { Endpoint } from "../../api/schema";
import { ENDPOINT_ROUTES, ENDPOINTS } from "./endpoints";
import type { KeyForm } from "./KeyFields";

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
      <MultiSelect
        label="Endpoints"
        placeholder={empty(permissions.endpoints, "all endpoints")}
        data={ENDPOINTS}
        searchable
        hidePickedOptions
        renderOption={({ option }) => (
          <div>
            <Text size="sm">{option.label}</Text>
            <Text size="xs" c="dimmed">
              {ENDPOINT_ROUTES[option.value as Endpoint]}
            </Text>
          </div>
        )}
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
