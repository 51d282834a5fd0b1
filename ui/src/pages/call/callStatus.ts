// How a call ended, as the log shows it.
import type { Call, CallStatus } from "../../api/schema";
import type { Tone } from "../../components/Status";

export const CALL_STATUSES: readonly CallStatus[] = ["ok", "error", "cancelled", "interrupted"];

export const callTones: Record<CallStatus, Tone> = {
  ok: "good",
  error: "bad",
  cancelled: "quiet",
  interrupted: "warn",
};

/** The key's name as it was, or what can be seen of the key. */
export const callKey = (call: Pick<Call, "key_name" | "key_masked">): string => call.key_name || call.key_masked;
