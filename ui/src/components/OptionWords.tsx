// One of several to choose from, with what it is.
import { Text } from "@mantine/core";

export function OptionWords({ name, about }: { name: string; about: string }) {
  return (
    <div>
      <Text size="sm">{name}</Text>
      <Text size="xs" c="dimmed">
        {about}
      </Text>
    </div>
  );
}
