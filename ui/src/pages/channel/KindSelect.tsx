// Chooses what kind of provider a channel leads to.
import { Select } from "@mantine/core";
import type { ChannelKind } from "../../api/schema";
import { OptionWords } from "../../components/OptionWords";
import { KIND_NAMES, KINDS } from "./kinds";

const CHOICES = KIND_NAMES.map((value) => ({ value, label: KINDS[value].label }));

export function KindSelect({ kind, onPick }: { kind: ChannelKind; onPick: (kind: ChannelKind) => void }) {
  return (
    <Select
      label="Kind"
      description={KINDS[kind].about}
      data={CHOICES}
      value={kind}
      onChange={(next) => next && onPick(next)}
      allowDeselect={false}
      maxDropdownHeight={420}
      renderOption={({ option: { value, label } }) => (
        <OptionWords name={label} about={KINDS[value as ChannelKind].about} />
      )}
    />
  );
}
