// The webhooks, one a row.
import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Webhook } from "../../api/schema";
import { type Column, DataTable } from "../../components/DataTable";
import { formatCount } from "../../components/format/count";
import { Moment } from "../../components/Moment";
import { Status } from "../../components/Status";
import { deliveryTones, deliveryWords } from "./deliveryStatus";
import { WebhookActions, type WebhookActionsProps } from "./WebhookActions";
import { WebhookState } from "./WebhookState";

interface WebhooksTableProps extends Omit<WebhookActionsProps, "webhook"> {
  webhooks: Webhook[] | undefined;
  onOpen: (webhook: Webhook) => void;
}

export function WebhooksTable({ webhooks, onOpen, ...actions }: WebhooksTableProps) {
  const columns: Column<Webhook>[] = [
    { name: "Name", title: true, cell: (webhook) => <WebhookName webhook={webhook} /> },
    { name: "Status", cell: (webhook) => <WebhookState webhook={webhook} /> },
    { name: "Events", cell: (webhook) => webhook.events.join(", ") },
    { name: "Last delivery", cell: (webhook) => <LastDelivery webhook={webhook} /> },
    { name: "On their way", number: true, cell: (webhook) => formatCount(webhook.pending) },
    { name: "Actions", actions: true, cell: (webhook) => <WebhookActions webhook={webhook} {...actions} /> },
  ];
  return (
    <DataTable
      label="Webhooks"
      columns={columns}
      rows={webhooks}
      expected={2}
      rowKey={(webhook) => webhook.id}
      onOpen={onOpen}
    />
  );
}

function WebhookName({ webhook }: { webhook: Webhook }) {
  return (
    <div style={{ minWidth: 0 }}>
      <Anchor inherit component={Link} to={{ search: `webhook=${webhook.id}` }} c="inherit" fw={550} lineClamp={2}>
        {webhook.name}
      </Anchor>
      <Text size="xs" c="dimmed" truncate maw="22rem">
        {webhook.url}
      </Text>
    </div>
  );
}

function LastDelivery({ webhook: { last_delivery: last } }: { webhook: Webhook }) {
  if (!last) return <Moment at={null} never="none yet" />;
  return (
    <div>
      <Status tone={deliveryTones[last.status]}>{deliveryWords[last.status]}</Status>
      <Text size="xs" c="dimmed">
        {last.event}, <Moment at={last.created_at} never="" />
      </Text>
    </div>
  );
}
