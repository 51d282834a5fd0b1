// Deletes a key for ever, once its name has been typed.
import { useDeleteKey } from "../../api/keys";
import type { Key } from "../../api/schema";
import { notifyDone } from "../../components/notify";
import { TypeConfirmation } from "../../components/TypeConfirmation";
import { keyTitle } from "./keyStatus";

interface DeleteKeyDialogProps {
  deleting: Key | null;
  onDeleted: () => void;
  onClose: () => void;
}

export function DeleteKeyDialog({ deleting, onDeleted, onClose }: DeleteKeyDialogProps) {
  const remove = useDeleteKey();
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <TypeConfirmation
      opened={deleting !== null}
      title="Delete key"
      word={deleting ? keyTitle(deleting) : ""}
      action="Delete key"
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={() =>
        deleting &&
        remove.mutate(deleting.id, {
          onSuccess: () => {
            notifyDone("Key deleted. Its calls stay in the log.");
            onDeleted();
          },
        })
      }
    >
      The key stops working at once and cannot be brought back. Its calls stay in the log under its name. To stop it for
      a while, disable it instead.
    </TypeConfirmation>
  );
}
