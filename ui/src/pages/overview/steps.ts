// The first steps: what a new gateway still needs before it is of use.
import type { Channel } from "../../api/schema";

export interface Steps {
  channel: boolean;
  key: boolean;
  call: boolean;
}

/** A channel to a real provider, or the echo channel taken on purpose. Members cannot see channels: not their step. */
export function channelDone(channels: Pick<Channel, "kind">[] | undefined, echoIsEnough: boolean): boolean {
  return channels === undefined || echoIsEnough || channels.some((channel) => channel.kind !== "echo");
}

export const allDone = (steps: Steps): boolean => steps.channel && steps.key && steps.call;
