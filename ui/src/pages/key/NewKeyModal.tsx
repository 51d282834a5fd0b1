// A dialog that ends with a new key, which is shown once and must be acknowledged.
import { Modal } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { KeyCreated } from "../../api/schema";
import { NewKeySecret } from "./NewKeySecret";

interface NewKeyModalProps {
  opened: boolean;
  title: string;
  onClose: () => void;
  /** What leads to the new key. */
  children: (onCreated: (key: KeyCreated) => void) => ReactNode;
}

export function NewKeyModal({ opened, title, onClose, children }: NewKeyModalProps) {
  const [created, setCreated] = useState<KeyCreated | null>(null);
  const shown = created !== null;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={() => setCreated(null)}
      title={shown ? "Your new key" : title}
      size="lg"
      withCloseButton={!shown}
      closeOnEscape={!shown}
      closeOnClickOutside={!shown}
    >
      {shown ? <NewKeySecret created={created} onDone={onClose} /> : children(setCreated)}
    </Modal>
  );
}
