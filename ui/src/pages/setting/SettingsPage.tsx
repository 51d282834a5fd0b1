// What the gateway runs with, and the policies for new keys.
import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { settingsQuery } from "../../api/settings";
import { FailureNotice } from "../../components/FailureNotice";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { PolicyForm } from "./PolicyForm";
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
    <Page title="Settings" about="Policies are changed here; the rest in the configuration file or the environment.">
      <Panel title="Policies for new keys">
        {settings.data ? <PolicyForm settings={settings.data} /> : <Skeleton height={330} />}
      </Panel>
      <Panel title="Runs with">
        {settings.data ? <RunsWith settings={settings.data} /> : <Skeleton height={245} />}
      </Panel>
    </Page>
  );
}
