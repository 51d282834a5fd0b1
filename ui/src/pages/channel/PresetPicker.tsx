// Fills in the address of a known provider.
import { Button, Group, Text } from "@mantine/core";
import { PRESETS, type Preset } from "./presets";

export function PresetPicker({ onPick }: { onPick: (preset: Preset) => void }) {
  return (
    <div>
      <Text size="sm" fw={500} mb={6}>
        Known providers
      </Text>
      <Group gap={6} role="group" aria-label="Known providers">
        {PRESETS.map((preset) => (
          <Button key={preset.name} variant="default" size="compact-sm" onClick={() => onPick(preset)}>
            {preset.name}
          </Button>
        ))}
      </Group>
    </div>
  );
}
