// What the gateway runs with, the policies for new keys, and how calls find their channels.
import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { settingsQuery } from "../../api/settings";
import { FailureNotice } from "../../components/FailureNotice";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { PolicyForm } from "./PolicyForm";
import { RoutingForm } from "./RoutingForm";
import { RunsWith } from "./RunsWith";

export function SettingsPage() {
  const settings = useQuery(settingsQuery());
  if (settings.isError) {
    return (
      <Page title="Settings">
        <Panel flush>
          <FailureNotice error={settings.error} retry={() => settings.refetch()} />
        </Panel>
      </Page>
    );
  }
  return (
    <Page
      title="Settings"
      about="Policies and routing are changed here; the rest in the configuration file or the environment."
    >
      <Panel title="Policies for new keys">
        {settings.data ? <PolicyForm settings={settings.data} /> : <Skeleton height={330} />}
      </Panel>
      <Panel title="Routing">
        {settings.data ? <RoutingForm settings={settings.data} /> : <Skeleton height={330} />}
      </Panel>
      <Panel title="Runs with">
        {settings.data ? <RunsWith settings={settings.data} /> : <Skeleton height={245} />}
      </Panel>
    </Page>
  );
}
