// Sends one small request through a channel and shows what the provider said, as it came.
import { Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTestChannel } from "../../api/channels";
import type { Channel, ChannelTest } from "../../api/schema";
import { Code } from "../../components/Code";
import { Detail, Details } from "../../components/Details";
import { FormFailure } from "../../components/FormFailure";
import { formatDuration } from "../../components/format/time";
import { Status } from "../../components/Status";
import { credentialState } from "./channelState";

export function ChannelTestDialog({ testing, onClose }: { testing: Channel | null; onClose: () => void }) {
  return (
    <Modal opened={testing !== null} onClose={onClose} title={`Test ${testing?.name ?? ""}`}>
      {testing && <ChannelTestForm channel={testing} />}
    </Modal>
  );
}

function ChannelTestForm({ channel }: { channel: Channel }) {
  const test = useTestChannel();
  const [model, setModel] = useState<string | null>(channel.models[0] ?? null);
  const [credential, setCredential] = useState<string | null>(channel.credentials[0]?.id ?? null);
  const several = channel.credentials.length > 1;
  return (
    <Stack>
      <Text c="dimmed">Asks the model for a few tokens. Your provider may charge for them.</Text>
      {several && (
        <Select
          label="Credential"
          data={channel.credentials.map(({ id, state }, place) => ({
            value: id,
            label: `${place + 1}: ${credentialState({ state }).word}`,
          }))}
          value={credential}
          onChange={setCredential}
          allowDeselect={false}
        />
      )}
      <Group align="flex-end" gap="xs">
        <Select label="Model" data={channel.models} value={model} onChange={setModel} allowDeselect={false} flex={1} />
        <Button
          loading={test.isPending}
          onClick={() => test.mutate({ id: channel.id, model, credential })}
          data-autofocus
        >
          Test
        </Button>
      </Group>
      <div aria-live="polite">{test.data && <TestResult result={test.data} />}</div>
      <FormFailure error={test.error} />
    </Stack>
  );
}

function TestResult({ result }: { result: ChannelTest }) {
  return (
    <Stack gap="sm">
      <Details>
        <Detail name="Result">
          <Status tone={result.ok ? "good" : "bad"}>{result.ok ? "ok" : "failed"}</Status>
        </Detail>
        <Detail name="HTTP status">{result.http_status ?? "no answer"}</Detail>
        <Detail name="Latency">{formatDuration(result.latency_ms)}</Detail>
        <Detail name="Model">{result.model}</Detail>
      </Details>
      {result.error && (
        <div>
          <Text size="sm" fw={500} mb={6}>
            What came back
          </Text>
          <Code label="The provider's answer" wrap>
            {result.body || result.error}
          </Code>
        </div>
      )}
    </Stack>
  );
}
