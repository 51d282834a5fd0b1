// Chooses what a new key is for.
import { SegmentedControl, Text } from "@mantine/core";
import classes from "./PresetChoice.module.css";
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
        withItemsBorders={false}
        className={classes.choice ?? ""}
      />
      <Text size="sm" c="dimmed" mt={6} className={classes.words ?? ""} aria-live="polite">
        {PRESET_WORDS[preset]}
      </Text>
    </div>
  );
}
