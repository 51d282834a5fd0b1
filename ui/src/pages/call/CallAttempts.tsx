// The channels that were tried for a call, in order.
import { Text } from "@mantine/core";
import type { Attempt, Call } from "../../api/schema";
import { formatDuration } from "../../components/format/time";
import { Status } from "../../components/Status";
import classes from "./CallAttempts.module.css";

export function CallAttempts({ call }: { call: Call }) {
  if (call.attempts.length < 2 && !call.attempts.some((attempt) => attempt.error)) return null;
  return (
    <ol className={classes.attempts} aria-label="Attempts">
      {call.attempts.map((attempt, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an attempt is known by its place.
        <li key={index}>
          <div className={classes.line}>
            <Status tone={attempt.status === "ok" ? "good" : attempt.status === "cancelled" ? "quiet" : "bad"}>
              {attemptTitle(call, attempt, index)}
            </Status>
            <span className="number">{formatDuration(attempt.latency_ms)}</span>
          </div>
          {attempt.error && (
            <Text size="sm" c="dimmed" className={classes.error}>
              {attempt.error}
            </Text>
          )}
        </li>
      ))}
    </ol>
  );
}

/** `2. Anthropic · as messages · provider error · 529`. */
function attemptTitle(call: Call, attempt: Attempt, index: number): string {
  const channel = attempt.channel_name ?? "a deleted channel";
  const credential = attempt.credential && `credential ${attempt.credential}`;
  const carried = attempt.endpoint !== call.endpoint && `as ${attempt.endpoint}`;
  return [`${index + 1}. ${channel}`, credential, carried, attempt.status.replace("_", " "), attempt.http_status]
    .filter(Boolean)
    .join(" · ");
}
