// Copies a text; says that it has.
import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useCopy } from "./useCopy";

export function CopyIcon({ text, label }: { text: string; label: string }) {
  const { copied, run } = useCopy(text);
  return (
    <Tooltip label={copied ? "Copied" : label}>
      <ActionIcon
        variant="subtle"
        color={copied ? "pine" : "gray"}
        size="sm"
        aria-label={copied ? "Copied" : label}
        onClick={run}
      >
        {copied ? <IconCheck size={15} stroke={1.8} /> : <IconCopy size={15} stroke={1.6} />}
      </ActionIcon>
    </Tooltip>
  );
}

interface CopyButtonProps {
  text: string;
  autoFocus?: boolean;
  children: string;
}

export function CopyButton({ text, autoFocus = false, children }: CopyButtonProps) {
  const { copied, run } = useCopy(text);
  return (
    <Button
      variant={copied ? "light" : "filled"}
      leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} stroke={1.8} />}
      onClick={run}
      autoFocus={autoFocus}
    >
      {copied ? "Copied" : children}
    </Button>
  );
}
