// What came of a delivery's last try.
import { Stack, Text } from "@mantine/core";
import type { Delivery } from "../../api/schema";
import { Code } from "../../components/Code";
import { Detail, Details } from "../../components/Details";
import { formatDuration, formatExact } from "../../components/format/time";
import { Status } from "../../components/Status";
import { deliveryTones, deliveryWords, readable } from "./deliveryStatus";

export function DeliveryOutcome({ delivery }: { delivery: Delivery }) {
  return (
    <Stack gap="sm">
      <Details>
        <Detail name="Result">
          <Status tone={deliveryTones[delivery.status]}>{deliveryWords[delivery.status]}</Status>
        </Detail>
        <Detail name="HTTP status">{delivery.http_status ?? "no answer"}</Detail>
        {delivery.latency_ms != null && <Detail name="Latency">{formatDuration(delivery.latency_ms)}</Detail>}
        <Detail name="Tries">{delivery.attempts}</Detail>
        {delivery.next_try_at && <Detail name="Next try">{formatExact(delivery.next_try_at)}</Detail>}
        <Detail name="Delivery id">
          <code>{delivery.id}</code>
        </Detail>
      </Details>
      {delivery.error && (
        <div>
          <Text size="sm" fw={500} mb={6}>
            What went wrong
          </Text>
          <Code label="What went wrong" wrap>
            {delivery.error}
          </Code>
        </div>
      )}
      <div>
        <Text size="sm" fw={500} mb={6}>
          What was sent
        </Text>
        <Code label="What was sent">{readable(delivery.body)}</Code>
      </div>
    </Stack>
  );
}
