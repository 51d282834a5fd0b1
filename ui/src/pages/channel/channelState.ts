// A channel's state in the few words that the list and the drawer share.
import type { Channel, ChannelCredential } from "../../api/schema";
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
    case "failing":
      return { word: "answers with errors", tone: "warn" };
    case "healthy":
      if (health.barred.length > 0) return { word: "model unknown", tone: "bad" };
      return health.rate_limited.length > 0 ? { word: "rate limited", tone: "warn" } : { word: "active", tone: "good" };
  }
}

/** One credential's, by the same colours. */
export function credentialState({ state }: Pick<ChannelCredential, "state">): ChannelState {
  switch (state) {
    case "unreadable":
      return { word: "unreadable", tone: "bad" };
    case "refused":
      return { word: "refused", tone: "bad" };
    case "rate_limited":
      return { word: "rate limited", tone: "warn" };
    case "healthy":
      return { word: "in use", tone: "good" };
  }
}

/** `2 of 3 in use`, where there are several and some are not; null: nothing to tell. */
export function credentialsText(credentials: Pick<ChannelCredential, "state">[]): string | null {
  const good = credentials.filter(({ state }) => state === "healthy").length;
  if (credentials.length < 2) return null;
  return good === credentials.length ? `${good} credentials` : `${good} of ${credentials.length} credentials in use`;
}

/** `25%`, of the newest calls. */
export const formatErrorRate = (rate: number | null): string => (rate === null ? "–" : `${Math.round(rate * 100)}%`);
