// Webhooks: who is told of exceeded quotas and low balances.
import { Button, Drawer } from "@mantine/core";
import { IconPlus, IconWebhook } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ChangedWebhook, Webhook } from "../../api/schema";
import { webhooksQuery } from "../../api/webhooks";
import { useUrlState } from "../../app/urlState";
import { Empty } from "../../components/Empty";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { DeleteWebhookDialog } from "./DeleteWebhookDialog";
import { WebhookDrawer } from "./WebhookDrawer";
import { WebhookForm } from "./WebhookForm";
import { WebhookSecretDialog } from "./WebhookSecretDialog";
import { WebhooksTable } from "./WebhooksTable";
import { WebhookTestDialog } from "./WebhookTestDialog";

export function WebhooksPage() {
  const url = useUrlState();
  const webhooks = useQuery(webhooksQuery());
  const [testing, setTesting] = useState<Webhook | null>(null);
  const [deleting, setDeleting] = useState<Webhook | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const named = (parameter: string) =>
    webhooks.data?.items.find((webhook) => webhook.id === url.get(parameter)) ?? null;
  const edited = named("edit");
  const close = () => url.set({ webhook: null, edit: null, new: null });
  const saved = ({ secret: made }: ChangedWebhook) => {
    close();
    setSecret(made);
  };
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => url.set({ new: 1 })}>
      Add Webhook
    </Button>
  );
  return (
    <Page
      title="Webhooks"
      about="Addresses that are told when a quota is exceeded or a balance runs low, signed and tried again for a day."
      action={add}
    >
      <Panel flush>
        <Listing
          query={webhooks}
          empty={
            <Empty icon={IconWebhook} title="No webhook yet" action={add}>
              Add one, and a program of yours hears of an exceeded quota or a low balance when it happens.
            </Empty>
          }
        >
          {(answer) => (
            <WebhooksTable
              webhooks={answer?.items}
              onOpen={(webhook) => url.set({ webhook: webhook.id })}
              onTest={setTesting}
              onEdit={(webhook) => url.set({ edit: webhook.id })}
              onDelete={setDeleting}
            />
          )}
        </Listing>
      </Panel>
      <WebhookDrawer webhook={named("webhook")} onClose={close} />
      <Drawer
        opened={edited !== null || url.get("new") !== ""}
        onClose={close}
        title={edited ? "Edit webhook" : "Add webhook"}
      >
        <WebhookForm key={edited?.id ?? "new"} webhook={edited} onSaved={saved} onCancel={close} />
      </Drawer>
      <WebhookSecretDialog secret={secret} onDone={() => setSecret(null)} />
      <WebhookTestDialog testing={testing} onClose={() => setTesting(null)} />
      <DeleteWebhookDialog deleting={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}
