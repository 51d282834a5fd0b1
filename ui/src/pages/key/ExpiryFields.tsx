// The two fields that say when a key ends.
import { Select, TextInput } from "@mantine/core";
import { EXPIRIES, localDay } from "./expiry";
import type { KeyForm } from "./KeyFields";

export function ExpiryFields({ form }: { form: KeyForm }) {
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
