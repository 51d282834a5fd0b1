// A time: relative to read, exact on hover; kept current.
import { Text, Tooltip } from "@mantine/core";
import { formatExact, formatRelative } from "./format/time";
import { useNow } from "./useNow";

interface MomentProps {
  at: string | null | undefined;
  /** What stands there when there is no such time. */
  never: string;
  /** `4d ago`, where many stand side by side. */
  short?: boolean;
}

export function Moment({ at, never, short = false }: MomentProps) {
  const now = useNow();
  if (!at) {
    return (
      <Text span inherit c="dimmed">
        {never}
      </Text>
    );
  }
  return (
    <Tooltip label={formatExact(at)}>
      <time dateTime={at}>{formatRelative(at, now, short)}</time>
    </Tooltip>
  );
}
