// Chooses what a new key is for.
import { SegmentedControl, Text } from "@mantine/core";
import { PRESET_NAMES, PRESET_WORDS, PRESETS, type Preset } from "./presets";

export function PresetChoice({ preset, onPick }: { preset: Preset; onPick: (preset: Preset) => void }) {
  return (
    <div>
      <Text size="sm" fw={550} mb={4} id="preset">
        Preset
      </Text>
      <SegmentedControl
        aria-labelledby="preset"
        data={PRESETS.map((value) => ({ value, label: PRESET_NAMES[value] }))}
        value={preset}
        onChange={onPick}
        fullWidth
      />
      <Text size="sm" c="dimmed" mt={6} mih="2.9em" aria-live="polite">
        {PRESET_WORDS[preset]}
      </Text>
    </div>
  );
}
