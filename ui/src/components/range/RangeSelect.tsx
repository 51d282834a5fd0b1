// Chooses a time range; two exact times when a span will not do.
import { Select, Text, TextInput } from "@mantine/core";
import { useUrlState } from "../../app/urlState";
import { localMinute, RANGES, timeRange } from "./timeRange";

export function RangeSelect() {
  const url = useUrlState();
  const { from, to } = timeRange(url.params, Date.now());
  const exact = url.params.has("from") || url.params.has("to") || url.get("range") === "exact";
  return (
    <>
      <Select
        aria-label="Time range"
        data={[{ value: "", label: "All time" }, ...RANGES, { value: "exact", label: "From … to …" }]}
        value={exact ? "exact" : url.get("range")}
        onChange={(range) => url.filter({ range: range ?? "", from: null, to: null })}
        allowDeselect={false}
      />
      {exact && (
        <>
          <ExactTime label="From" value={from} onChange={(at) => url.filter({ range: "exact", from: at })} />
          <ExactTime label="To" value={to} onChange={(at) => url.filter({ range: "exact", to: at })} />
        </>
      )}
    </>
  );
}

function ExactTime({ label, value, onChange }: { label: string; value: string; onChange: (at: string) => void }) {
  return (
    <TextInput
      type="datetime-local"
      aria-label={label}
      leftSection={
        <Text size="sm" c="dimmed">
          {label}
        </Text>
      }
      leftSectionWidth={54}
      defaultValue={localMinute(value)}
      onChange={({ currentTarget }) => {
        const time = Date.parse(currentTarget.value);
        onChange(Number.isNaN(time) ? "" : new Date(time).toISOString());
      }}
    />
  );
}
