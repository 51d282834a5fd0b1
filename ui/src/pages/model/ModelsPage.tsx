// Served models, what they cost, and where the price is from.
import { Button, Drawer, Stack } from "@mantine/core";
import { IconCube } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { modelsQuery } from "../../api/models";
import { useViewer } from "../../api/session";
import { useUrlState } from "../../app/urlState";
import { Empty } from "../../components/Empty";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { SetInFile } from "../../components/SetInFile";
import { ModelsTable } from "./ModelsTable";
import { PriceForm } from "./PriceForm";
import { RoutingForm } from "./RoutingForm";

export function ModelsPage() {
  const viewer = useViewer();
  const url = useUrlState();
  const models = useQuery(modelsQuery());
  const opened = models.data?.items.find((model) => model.name === url.get("model"));
  const close = () => url.set({ model: null });
  return (
    <Page title="Models" about="What can be asked for, in US dollars per million tokens.">
      <Panel flush>
        <Listing query={models} empty={<NoModels admin={viewer.admin} />}>
          {(answer) => (
            <ModelsTable
              models={answer?.items}
              {...(viewer.admin && { onOpen: (model) => url.set({ model: model.name }) })}
            />
          )}
        </Listing>
      </Panel>
      <Drawer opened={viewer.admin && opened !== undefined} onClose={close} title={`Model ${opened?.name ?? ""}`}>
        {opened && (
          <Stack key={opened.name} gap="xl">
            <SetInFile file={opened.config_file}>
              <PriceForm model={opened} onDone={close} />
            </SetInFile>
            <RoutingForm model={opened} models={models.data?.items.map(({ name }) => name) ?? []} onDone={close} />
          </Stack>
        )}
      </Drawer>
    </Page>
  );
}

function NoModels({ admin }: { admin: boolean }) {
  const action = admin && (
    <Button component={Link} to="/channel?new=1">
      Add Channel
    </Button>
  );
  return (
    <Empty icon={IconCube} title="No model yet" action={action}>
      Models come from channels: {admin ? "add one, and name its models." : "ask an administrator to add one."}
    </Empty>
  );
}
