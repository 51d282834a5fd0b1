// A channel's state in the few words that the list and the drawer share.
import type { Channel } from "../../api/schema";
import type { Tone } from "../../components/Status";

export interface ChannelState {
  word: string;
  tone: Tone;
}

type Stateful = Pick<Channel, "status" | "credential_state" | "health">;

/** What an operator did comes first, then what only an operator can mend, then what passes by itself. */
export function channelState({ status, credential_state, health }: Stateful): ChannelState {
  if (status === "disabled") return { word: "disabled", tone: "quiet" };
  if (credential_state === "unreadable") return { word: "credential unreadable", tone: "bad" };
  switch (health.state) {
    case "credential_refused":
      return { word: "credential refused", tone: "bad" };
    case "cooling":
      return { word: "failing, at rest", tone: "bad" };
    case "probing":
      return { word: "failing, being tried", tone: "warn" };
    case "slow":
      return { word: "slow", tone: "warn" };
    case "healthy":
      return health.rate_limited.length > 0 ? { word: "rate limited", tone: "warn" } : { word: "active", tone: "good" };
  }
}

/** `25%`, of the newest calls. */
export const formatErrorRate = (rate: number | null): string => (rate === null ? "–" : `${Math.round(rate * 100)}%`);
