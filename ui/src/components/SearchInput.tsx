// A search that goes into the URL once the typing pauses.
import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

interface SearchInputProps {
  label: string;
  value: string;
  onSearch: (text: string) => void;
}

export function SearchInput({ label, value, onSearch }: SearchInputProps) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  const search = useDebouncedCallback(onSearch, 250);
  // The URL changed from outside, for instance by going back: show what it says.
  if (value !== seen) {
    setSeen(value);
    setText(value);
  }
  const type = (next: string) => {
    setText(next);
    search(next.trim());
  };
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => type(event.currentTarget.value)}
      leftSection={<IconSearch size={16} stroke={1.6} aria-hidden />}
      rightSection={text && <CloseButton size="sm" aria-label="Clear the search" onClick={() => type("")} />}
    />
  );
}
