// Deletes a channel, once its name has been typed.
import { useDeleteChannel } from "../../api/channels";
import type { Channel } from "../../api/schema";
import { notifyDone } from "../../components/notify";
import { TypeConfirmation } from "../../components/TypeConfirmation";

interface DeleteChannelDialogProps {
  deleting: Channel | null;
  onClose: () => void;
}

export function DeleteChannelDialog({ deleting, onClose }: DeleteChannelDialogProps) {
  const remove = useDeleteChannel();
  const close = () => {
    remove.reset();
    onClose();
  };
  const confirm = () =>
    deleting &&
    remove.mutate(deleting.id, {
      onSuccess: () => {
        notifyDone("Channel deleted.");
        close();
      },
    });
  return (
    <TypeConfirmation
      opened={deleting !== null}
      title="Delete channel"
      word={deleting?.name ?? ""}
      action="Delete channel"
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={confirm}
    >
      Models that only this channel serves will not be found any more, and its credential is gone. Its calls stay in the
      log.
    </TypeConfirmation>
  );
}
