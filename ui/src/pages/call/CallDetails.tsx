// All fields of a call, in the order one asks for them: how it ended, what it used, how long it took, who asked.
import { Anchor, Group, Stack, Title } from "@mantine/core";
import { Link } from "react-router";
import type { Call } from "../../api/schema";
import { CopyIcon } from "../../components/CopyButton";
import { Detail, Details } from "../../components/Details";
import { formatCount } from "../../components/format/count";
import { formatCallCost, formatUsdExact } from "../../components/format/money";
import { formatDuration, formatExact } from "../../components/format/time";
import { Status } from "../../components/Status";
import { CallAttempts } from "./CallAttempts";
import { callKey, callTones } from "./callStatus";

export function CallDetails({ call }: { call: Call }) {
  return (
    <Stack gap="lg">
      <Details>
        <Detail name="Request id">
          <Group gap={4} wrap="nowrap" justify="flex-end">
            <code>{call.id}</code>
            <CopyIcon text={call.id} label="Copy the request id" />
          </Group>
        </Detail>
        <Detail name="Status">
          <Status tone={callTones[call.status]}>{call.status}</Status>
        </Detail>
        <Detail name="HTTP status">{call.http_status}</Detail>
        {call.error_code && (
          <Detail name="Error code">
            <code>{call.error_code}</code>
          </Detail>
        )}
        <Detail name="Started">{formatExact(call.started_at)}</Detail>
        <Detail name="Cost">{formatCallCost(call.cost_usd, formatUsdExact)}</Detail>
        {call.provider_cost_usd != null && (
          <Detail name="Cost by the provider">{formatUsdExact(call.provider_cost_usd)}</Detail>
        )}
        {call.corrections.map((correction) => (
          <Detail key={correction.at} name="Corrected">
            {`from ${formatCallCost(correction.before.cost_usd, formatUsdExact)} by ${correction.by}, ${formatExact(correction.at)}: ${correction.reason}`}
          </Detail>
        ))}
        {call.over_reservation && (
          <Detail name="Over its reservation">the provider reports more than was set aside</Detail>
        )}
      </Details>
      <Usage call={call} />
      <Timing call={call} />
      <Route call={call} />
      <Client call={call} />
    </Stack>
  );
}

function Usage({ call: { usage } }: { call: Call }) {
  // What few calls use is not shown as a column of zeros.
  const more = (name: string, count: number) => count > 0 && <Detail name={name}>{formatCount(count)}</Detail>;
  return (
    <section>
      <Title order={3}>Usage{usage.estimated && ", estimated"}</Title>
      <Details>
        <Detail name="Prompt tokens">{formatCount(usage.prompt_tokens)}</Detail>
        <Detail name="– of which cached">{formatCount(usage.cached_tokens)}</Detail>
        <Detail name="– of which written to the cache">{formatCount(usage.cache_write_tokens)}</Detail>
        {more("– of which written for an hour", usage.cache_write_1h_tokens)}
        {more("– of which written for twelve hours", usage.cache_write_12h_tokens)}
        {more("– of which audio", usage.audio_input_tokens)}
        {more("– of which audio, cached", usage.audio_cached_tokens)}
        {more("– of which images", usage.image_input_tokens)}
        {more("– of which images, cached", usage.image_cached_tokens)}
        <Detail name="Completion tokens">{formatCount(usage.completion_tokens)}</Detail>
        <Detail name="– of which reasoning">{formatCount(usage.reasoning_tokens)}</Detail>
        {more("– of which audio", usage.audio_output_tokens)}
        {more("– of which images", usage.image_output_tokens)}
        <Detail name="Tokens">{formatCount(usage.total_tokens)}</Detail>
        {more("Images", usage.images)}
        {more("Seconds of audio", usage.audio_seconds)}
        {more("Characters spoken", usage.characters)}
        {more("Searches", usage.searches)}
        {more("Seconds made", usage.seconds_made)}
        {more("Searches of the web", usage.web_searches)}
        {more("Pages fetched", usage.web_fetches)}
        {more("Queries that grounded it", usage.grounded_queries)}
        {more("Searches of files", usage.file_searches)}
        {more("Code sessions", usage.code_sessions)}
        {usage.service_tier !== "standard" && <Detail name="Service tier">{usage.service_tier}</Detail>}
        {usage.speed !== "standard" && <Detail name="Speed">{usage.speed}</Detail>}
        {usage.geography !== "global" && <Detail name="Served in">{usage.geography}</Detail>}
        {usage.implausible && (
          <Detail name="Not as reported">the provider's numbers cannot be: what was set aside is booked</Detail>
        )}
        {usage.estimated && <Detail name="Counted by">this gateway: the provider gave no numbers</Detail>}
      </Details>
    </section>
  );
}

function Timing({ call }: { call: Call }) {
  return (
    <section>
      <Title order={3}>Timing</Title>
      <Details>
        <Detail name="Latency">{formatDuration(call.latency_ms)}</Detail>
        {call.first_token_ms != null && <Detail name="First token after">{formatDuration(call.first_token_ms)}</Detail>}
        {call.overhead_ms != null && (
          <Detail name="In the gateway before forwarding">{formatDuration(call.overhead_ms)}</Detail>
        )}
      </Details>
    </section>
  );
}

function Route({ call }: { call: Call }) {
  const asked = call.attempts.at(-1)?.endpoint ?? call.endpoint;
  return (
    <section>
      <Title order={3}>Route</Title>
      <Details>
        <Detail name="Endpoint">{call.endpoint}</Detail>
        {asked !== call.endpoint && <Detail name="Endpoint at the provider">{asked}</Detail>}
        <Detail name="Model">{call.model}</Detail>
        {call.upstream_model && call.upstream_model !== call.model && (
          <Detail name="Model at the provider">{call.upstream_model}</Detail>
        )}
        <Detail name="Channel">{call.channel_name ?? "none"}</Detail>
        <Detail name="Streamed">{call.stream ? "yes" : "no"}</Detail>
      </Details>
      <CallAttempts call={call} />
    </section>
  );
}

function Client({ call }: { call: Call }) {
  const key = callKey(call);
  return (
    <section>
      <Title order={3}>Client</Title>
      <Details>
        <Detail name="Key">
          {call.key_deleted ? (
            `${key} (deleted)`
          ) : (
            <Anchor inherit component={Link} to={`/token?key=${call.key_id}`}>
              {key}
            </Anchor>
          )}
        </Detail>
        <Detail name="Masked key">
          <code>{call.key_masked}</code>
        </Detail>
        <Detail name="Account">{call.account_username}</Detail>
        <Detail name="Address">{call.client_ip}</Detail>
        <Detail name="Program">{call.user_agent ?? "not told"}</Detail>
        {call.client_request_id && (
          <Detail name="Client's request id">
            <code>{call.client_request_id}</code>
          </Detail>
        )}
      </Details>
    </section>
  );
}
