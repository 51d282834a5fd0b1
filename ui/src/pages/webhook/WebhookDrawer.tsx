// A webhook with its deliveries; open while the URL says `webhook=`.
import { Accordion, Button, Drawer, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { Delivery, Webhook } from "../../api/schema";
import { deliveriesQuery, useResendDelivery } from "../../api/webhooks";
import { Detail, Details } from "../../components/Details";
import { Empty } from "../../components/Empty";
import { formatExact } from "../../components/format/time";
import { Listing } from "../../components/Listing";
import { Moment } from "../../components/Moment";
import { notifyDone, notifyFailure } from "../../components/notify";
import { Status } from "../../components/Status";
import { DeliveryOutcome } from "./DeliveryOutcome";
import { deliveryTones, deliveryWords } from "./deliveryStatus";
import { WebhookState } from "./WebhookState";

export function WebhookDrawer({ webhook, onClose }: { webhook: Webhook | null; onClose: () => void }) {
  return (
    <Drawer opened={webhook !== null} onClose={onClose} title={webhook?.name ?? ""}>
      {webhook && (
        <Stack gap="lg">
          <Details>
            <Detail name="Status">
              <WebhookState webhook={webhook} />
            </Detail>
            <Detail name="URL">{webhook.url}</Detail>
            <Detail name="Events">{webhook.events.join(", ")}</Detail>
            <Detail name="Created">{formatExact(webhook.created_at)}</Detail>
          </Details>
          <section>
            <Title order={3}>Deliveries</Title>
            <Deliveries webhook={webhook} />
          </section>
        </Stack>
      )}
    </Drawer>
  );
}

function Deliveries({ webhook }: { webhook: Webhook }) {
  const deliveries = useQuery(deliveriesQuery(webhook.id));
  return (
    <Listing
      query={deliveries}
      empty={
        <Empty icon={IconSend} title="Nothing was sent yet">
          What is sent stands here, with what came of it. Send a test to see whether it arrives.
        </Empty>
      }
    >
      {(answer) =>
        answer ? (
          <Accordion variant="default" chevronPosition="right" mt="xs">
            {answer.items.map((delivery) => (
              <DeliveryItem key={delivery.id} webhook={webhook} delivery={delivery} />
            ))}
          </Accordion>
        ) : (
          <Skeleton height={240} mt="sm" />
        )
      }
    </Listing>
  );
}

function DeliveryItem({ webhook, delivery }: { webhook: Webhook; delivery: Delivery }) {
  return (
    <Accordion.Item value={delivery.id}>
      <Accordion.Control>
        <Group justify="space-between" gap="xs" pr="sm">
          <div>
            <Text fw={550}>{delivery.event}</Text>
            <Text size="xs" c="dimmed">
              <Moment at={delivery.created_at} never="" />
            </Text>
          </div>
          <Status tone={deliveryTones[delivery.status]}>{deliveryWords[delivery.status]}</Status>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <DeliveryOutcome delivery={delivery} />
        <SendAgain webhook={webhook} delivery={delivery} />
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function SendAgain({ webhook, delivery }: { webhook: Webhook; delivery: Delivery }) {
  const resend = useResendDelivery();
  const send = () =>
    resend.mutate(
      { id: webhook.id, deliveryId: delivery.id },
      {
        // What went wrong is shown above the button.
        onSuccess: ({ error }) => error === null && notifyDone("Sent again: the receiver has taken it."),
        onError: notifyFailure("It was not sent"),
      },
    );
  return (
    <Button variant="default" size="xs" mt="sm" loading={resend.isPending} onClick={send}>
      Send again
    </Button>
  );
}
