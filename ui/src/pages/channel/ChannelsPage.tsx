// Channels: the ways to the providers.
import { Button, Drawer } from "@mantine/core";
import { IconPlugConnected, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { channelsQuery } from "../../api/channels";
import type { Channel } from "../../api/schema";
import { useUrlState } from "../../app/urlState";
import { Empty } from "../../components/Empty";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { SetInFile } from "../../components/SetInFile";
import { ChannelForm } from "./ChannelForm";
import { ChannelsTable } from "./ChannelsTable";
import { ChannelTestDialog } from "./ChannelTestDialog";
import { DeleteChannelDialog } from "./DeleteChannelDialog";
import { UnreadableCredentials } from "./UnreadableCredentials";

export function ChannelsPage() {
  const url = useUrlState();
  const channels = useQuery(channelsQuery());
  const [testing, setTesting] = useState<Channel | null>(null);
  const [deleting, setDeleting] = useState<Channel | null>(null);
  const edited = channels.data?.items.find((channel) => channel.id === url.get("channel")) ?? null;
  const adding = url.get("new") !== "";
  const edit = (channel: Channel) => url.set({ channel: channel.id });
  const close = () => url.set({ channel: null, new: null });
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => url.set({ new: 1 })}>
      Add Channel
    </Button>
  );
  return (
    <Page
      title="Channels"
      about="Connections to providers. Which of those that serve a model is asked first is a setting."
      action={add}
    >
      {channels.data && <UnreadableCredentials channels={channels.data.items} onEdit={edit} />}
      <Panel flush>
        <Listing
          query={channels}
          empty={
            <Empty icon={IconPlugConnected} title="No channel yet" action={add}>
              Without one, no model can be called. A channel of kind echo lets you try everything without a provider.
            </Empty>
          }
        >
          {(answer) => (
            <ChannelsTable channels={answer?.items} onTest={setTesting} onEdit={edit} onDelete={setDeleting} />
          )}
        </Listing>
      </Panel>
      <Drawer opened={adding || edited !== null} onClose={close} title={edited ? "Edit channel" : "Add channel"}>
        <SetInFile file={edited?.config_file ?? null}>
          <ChannelForm key={edited?.id ?? "new"} channel={edited} onDone={close} />
        </SetInFile>
      </Drawer>
      <ChannelTestDialog testing={testing} onClose={() => setTesting(null)} />
      <DeleteChannelDialog deleting={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}
