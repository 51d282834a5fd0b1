// Deletes a key for ever, once its name has been typed.
import { useDeleteKey } from "../../api/keys";
import type { Key } from "../../api/schema";
import { DeleteDialog } from "../../components/DeleteDialog";
import { keyTitle } from "./keyStatus";

interface DeleteKeyDialogProps {
  deleting: Key | null;
  onDeleted: () => void;
  onClose: () => void;
}

export function DeleteKeyDialog({ deleting, onDeleted, onClose }: DeleteKeyDialogProps) {
  return (
    <DeleteDialog
      noun="key"
      deleting={deleting && { id: deleting.id, name: keyTitle(deleting) }}
      remove={useDeleteKey()}
      done="Key deleted. Its calls stay in the log."
      onDeleted={onDeleted}
      onClose={onClose}
    >
      The key stops working at once and cannot be brought back. Its calls stay in the log under its name. To stop it for
      a while, disable it instead.
    </DeleteDialog>
  );
}
