// Asks to type the name of what will be gone for ever.
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { FormFailure } from "./FormFailure";
import { isTyped } from "./isTyped";

interface TypeConfirmationProps {
  opened: boolean;
  title: string;
  /** What must be typed. */
  word: string;
  action: string;
  pending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function TypeConfirmation({ opened, title, onClose, ...rest }: TypeConfirmationProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <TypeConfirmationForm onClose={onClose} {...rest} />
    </Modal>
  );
}

function TypeConfirmationForm({
  word,
  action,
  pending,
  error,
  onConfirm,
  onClose,
  children,
}: Omit<TypeConfirmationProps, "opened" | "title">) {
  const [typed, setTyped] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onConfirm();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{children}</Text>
        <TextInput
          label={
            <>
              Type <code>{word}</code> to confirm
            </>
          }
          aria-label={`Type ${word} to confirm`}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          spellCheck={false}
          data-autofocus
        />
        <FormFailure error={error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color="red" disabled={!isTyped(typed, word)} loading={pending}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
