// What is missing until the gateway is of use, one step after the other, each with its button.
import { Button, Group, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { modelsQuery } from "../../api/models";
import { Panel } from "../../components/Panel";
import { Snippets } from "../../components/Snippets";
import { firstServed } from "../../components/snippetCode";
import { Step } from "./Step";
import classes from "./Step.module.css";
import type { Steps } from "./steps";

interface FirstStepsProps {
  /** Not known yet: their place is kept. */
  steps: Steps | undefined;
  admin: boolean;
  onTakeEcho: () => void;
}

export function FirstSteps({ steps, admin, onTakeEcho }: FirstStepsProps) {
  const models = useQuery(modelsQuery());
  const model = firstServed(models.data?.items);
  if (!steps) {
    return (
      <Panel title="First steps">
        <Skeleton height={admin ? 460 : 330} />
      </Panel>
    );
  }
  return (
    <Panel title="First steps">
      <ol className={classes.steps}>
        {admin && (
          <Step
            done={steps.channel}
            title="Connect a provider"
            about="A channel leads to OpenAI, Anthropic, Gemini, a vLLM of your own, … Or try everything first with the built-in echo, which answers with your own words."
          >
            <Group gap="xs">
              <Button component={Link} to="/channel?new=1" size="sm">
                Add a channel
              </Button>
              <Button variant="default" size="sm" onClick={onTakeEcho}>
                Echo will do for now
              </Button>
            </Group>
          </Step>
        )}
        <Step
          done={steps.key}
          title="Create an API key"
          about="Programs use it to call models through this gateway. You see it once."
        >
          <Button component={Link} to="/token?new=1" size="sm" variant={steps.channel ? "filled" : "default"}>
            Create New Key
          </Button>
        </Step>
        <Step
          done={steps.call}
          title="Make the first call"
          about="The key is taken from REAL200_KEY in the environment. The call shows up here a moment later."
        >
          <Snippets origin={window.location.origin} secret={null} model={model} />
        </Step>
      </ol>
    </Panel>
  );
}
