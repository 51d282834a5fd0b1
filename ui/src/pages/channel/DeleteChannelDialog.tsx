// Deletes a channel, once its name has been typed.
import { useDeleteChannel } from "../../api/channels";
import type { Channel } from "../../api/schema";
import { DeleteDialog } from "../../components/DeleteDialog";

interface DeleteChannelDialogProps {
  deleting: Channel | null;
  onClose: () => void;
}

export function DeleteChannelDialog(props: DeleteChannelDialogProps) {
  return (
    <DeleteDialog noun="channel" remove={useDeleteChannel()} done="Channel deleted." {...props}>
      Models that only this channel serves will not be found any more, and its credential is gone. Its calls stay in the
      log.
    </DeleteDialog>
  );
}
