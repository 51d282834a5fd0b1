// Deletes an account, once its username has been typed.
import { useDeleteAccount } from "../../api/accounts";
import type { Account } from "../../api/schema";
import { DeleteDialog } from "../../components/DeleteDialog";

interface DeleteAccountDialogProps {
  deleting: Account | null;
  onClose: () => void;
}

export function DeleteAccountDialog({ deleting, onClose }: DeleteAccountDialogProps) {
  return (
    <DeleteDialog
      noun="account"
      deleting={deleting && { id: deleting.id, name: deleting.username }}
      remove={useDeleteAccount()}
      done="Account deleted."
      onClose={onClose}
    >
      Its keys stop working at once and cannot be brought back. Its calls stay in the log. To lock it out for a while,
      disable it instead.
    </DeleteDialog>
  );
}
