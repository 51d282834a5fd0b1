// The two fields that say when a key ends.
import { Select, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { EXPIRIES, localDay } from "./expiry";

interface ExpiryValues {
  name: string;
  expiry: string;
  date: string;
}

export function ExpiryFields({ form }: { form: UseFormReturnType<ExpiryValues> }) {
  return (
    <>
      <Select label="Expires" data={EXPIRIES} allowDeselect={false} {...form.getInputProps("expiry")} />
      {form.values.expiry === "date" && (
        <TextInput
          type="date"
          label="Last day"
          description="The key works until the end of this day."
          min={localDay(Date.now())}
          {...form.getInputProps("date")}
        />
      )}
    </>
  );
}
