// Deletes an account, once its username has been typed.
import { useDeleteAccount } from "../../api/accounts";
import type { Account } from "../../api/schema";
import { notifyDone } from "../../components/notify";
import { TypeConfirmation } from "../../components/TypeConfirmation";

interface DeleteAccountDialogProps {
  deleting: Account | null;
  onClose: () => void;
}

export function DeleteAccountDialog({ deleting, onClose }: DeleteAccountDialogProps) {
  const remove = useDeleteAccount();
  const close = () => {
    remove.reset();
    onClose();
  };
  const confirm = () =>
    deleting &&
    remove.mutate(deleting.id, {
      onSuccess: () => {
        notifyDone("Account deleted.");
        close();
      },
    });
  return (
    <TypeConfirmation
      opened={deleting !== null}
      title="Delete account"
      word={deleting?.username ?? ""}
      action="Delete account"
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={confirm}
    >
      Its keys stop working at once and cannot be brought back. Its calls stay in the log. To lock it out for a while,
      disable it instead.
    </TypeConfirmation>
  );
}
