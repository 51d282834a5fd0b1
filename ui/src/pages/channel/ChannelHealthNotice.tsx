// Why a channel takes no calls, or fewer, and what brings it back.
import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { Channel } from "../../api/schema";
import { Moment } from "../../components/Moment";

export function ChannelHealthNotice({ channel }: { channel: Channel }) {
  const { state, reason, until, rate_limited, parts, barred } = channel.health;
  if (channel.status === "disabled") return null;
  if (state === "credential_refused") {
    return (
      <Alert
        color="red"
        variant="light"
        icon={<IconAlertTriangle />}
        title={`The provider refused ${channel.credentials.length > 1 ? "all credentials" : "the credential"}`}
      >
        {reason && <Text mb="xs">“{reason}”</Text>}
        <Text>It takes no calls until a credential is changed or a test goes well.</Text>
      </Alert>
    );
  }
  if (state !== "healthy") {
    return (
      <Alert color="yellow" variant="light" icon={<IconAlertTriangle />} title={TITLES[state]}>
        <Text>
          {reason}.{" "}
          {until ? (
            <>
              One call tries it again <Moment at={until} never="" />.
            </>
          ) : (
            "The next call tries it."
          )}
        </Text>
        {parts.map((part) => (
          <Text key={`${part.endpoint} ${part.model}`}>
            Only {part.model} at {part.endpoint}: {part.reason}.
          </Text>
        ))}
      </Alert>
    );
  }
  if (barred.length > 0) {
    return (
      <Alert color="red" variant="light" icon={<IconAlertTriangle />} title="The provider does not know a model">
        {barred.map((model) => (
          <Text key={`${model.endpoint} ${model.model}`}>
            {model.model} at {model.endpoint}: “{model.reason}”
          </Text>
        ))}
        <Text>Mend its name, or what the credential may use. It is asked for again after a change or a test.</Text>
      </Alert>
    );
  }
  if (rate_limited.length === 0) return null;
  return (
    <Alert color="yellow" variant="light" icon={<IconAlertTriangle />} title="The provider limits the rate">
      {rate_limited.map((limited) => (
        <Text key={limited.model}>
          {limited.model}: again <Moment at={limited.until} never="" />
        </Text>
      ))}
    </Alert>
  );
}

const TITLES = {
  slow: "Slow: asked only when no other channel is left",
  failing: "Answers with errors: asked only when no other channel is left",
  cooling: "Failing: it is given a rest",
  probing: "Failing: it is being tried again",
};
