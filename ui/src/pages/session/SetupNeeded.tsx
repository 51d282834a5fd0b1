// There is no account yet, and no set-up token at hand.
import { Text } from "@mantine/core";
import { Code } from "../../components/Code";
import { Door } from "./Door";

export function SetupNeeded() {
  return (
    <Door title="Set up this gateway" about="It has no account yet.">
      <Text mb="sm">
        Open the set-up link that the gateway printed when it started. It looks like this, and works until the first
        administrator is made:
      </Text>
      <Code label="Form of the set-up link">{`${window.location.origin}/console/setup?token=…`}</Code>
      <Text c="dimmed" size="sm" mt="sm">
        Not to be found any more? Restart the gateway: it prints a new one.
      </Text>
    </Door>
  );
}
