// Deletes something for ever, once its name has been typed.
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { notifyDone } from "./notify";
import { TypeConfirmation } from "./TypeConfirmation";

interface DeleteDialogProps {
  /** What it is, such as `channel`. */
  noun: string;
  /** Which one; null: the dialog is closed. */
  deleting: { id: string; name: string } | null;
  remove: Pick<UseMutationResult<unknown, Error, string>, "mutate" | "reset" | "isPending" | "error">;
  /** What is said when it is gone. */
  done: string;
  onDeleted?: () => void;
  onClose: () => void;
  /** What goes with it, and what stays. */
  children: ReactNode;
}

export function DeleteDialog({ noun, deleting, remove, done, onDeleted, onClose, children }: DeleteDialogProps) {
  const close = () => {
    remove.reset();
    onClose();
  };
  const confirm = () =>
    deleting &&
    remove.mutate(deleting.id, {
      onSuccess: () => {
        notifyDone(done);
        if (onDeleted) onDeleted();
        else close();
      },
    });
  return (
    <TypeConfirmation
      opened={deleting !== null}
      title={`Delete ${noun}`}
      word={deleting?.name ?? ""}
      action={`Delete ${noun}`}
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={confirm}
    >
      {children}
    </TypeConfirmation>
  );
}
