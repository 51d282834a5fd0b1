// Adds a channel, or changes the one there is.
import { useChangeChannel, useCreateChannel } from "../../api/channels";
import type { Channel, NewChannel } from "../../api/schema";

interface Outcome {
  onSuccess: () => void;
  onError: (error: unknown) => void;
}

export function useSaveChannel(channel: Channel | null) {
  const create = useCreateChannel();
  const change = useChangeChannel();
  const used = channel ? change : create;
  return {
    error: used.error,
    pending: used.isPending,
    save: (body: NewChannel, outcome: Outcome) => {
      if (!channel) return create.mutate(body, outcome);
      return change.mutate({ id: channel.id, ...body }, outcome);
    },
  };
}
