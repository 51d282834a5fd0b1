// Chooses one of a list that is only asked for when it is opened.
import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

export interface Choice {
  value: string;
  label: string;
}

interface PickerProps {
  label: string;
  value: string;
  /** The name of what is chosen, as long as the list is not there. */
  valueName: string;
  find: (text: string) => Promise<Choice[]>;
  onPick: (value: string) => void;
}

export function Picker({ label, value, valueName, find, onPick }: PickerProps) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [asked] = useDebouncedValue(text, 200);
  const found = useQuery({
    queryKey: ["choices", label, asked],
    queryFn: () => find(asked),
    enabled: open,
    placeholderData: keepPreviousData,
  });
  const listed = found.data ?? [];
  const chosen = value && !listed.some((choice) => choice.value === value) ? [{ value, label: valueName }] : [];
  return (
    <Select
      aria-label={label}
      placeholder={label}
      data={[...chosen, ...listed]}
      value={value || null}
      onChange={(next) => onPick(next ?? "")}
      onDropdownOpen={() => setOpen(true)}
      onSearchChange={(next) => setText(next === valueName ? "" : next)}
      nothingFoundMessage={found.isPending ? "Loading…" : "Nothing found"}
      searchable
      clearable
    />
  );
}
