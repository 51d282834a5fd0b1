// Which models, endpoints and addresses a key may use; what is left empty allows all.
import { MultiSelect, Stack, TagsInput } from "@mantine/core";
import type { Endpoint } from "../../api/schema";
import { OptionWords } from "../../components/OptionWords";
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
        maxDropdownHeight={320}
        renderOption={({ option: { value, label } }) => (
          <OptionWords name={label} about={ENDPOINT_ROUTES[value as Endpoint]} />
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
