// A key's state, and below it why it is so, or until when.
import { Text, Tooltip } from "@mantine/core";
import type { Key } from "../../api/schema";
import { Moment } from "../../components/Moment";
import { Status } from "../../components/Status";
import { keyStatus, keyTones } from "./keyStatus";
import { writeRefusal } from "./refusal";

export function KeyStateText({ of: key }: { of: Key }) {
  const status = keyStatus(key);
  return (
    <>
      <Status tone={keyTones[status]}>{status}</Status>
      {status === "refused" && key.refusal && (
        <Tooltip label={key.refusal.message} multiline maw={320}>
          <Text size="xs" c="dimmed" lh={1.35} miw="5.75rem">
            {writeRefusal(key.refusal)}
          </Text>
        </Tooltip>
      )}
      {key.status === "active" && key.disable_at && (
        <Text size="xs" c="dimmed" lh={1.35} miw="5.75rem">
          disabled <Moment at={key.disable_at} never="" />
        </Text>
      )}
    </>
  );
}
