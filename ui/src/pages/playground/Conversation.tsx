// What was asked and answered so far.
import { Button, Text } from "@mantine/core";
import { IconMessage2 } from "@tabler/icons-react";
import { Link } from "react-router";
import { Empty } from "../../components/Empty";
import { FormFailure } from "../../components/FormFailure";
import classes from "./Conversation.module.css";
import type { Turn } from "./chat";

export function Conversation({ turns, error }: { turns: Turn[]; error: unknown }) {
  if (turns.length === 0) {
    return (
      <Empty
        icon={IconMessage2}
        title="Ask a model something"
        action={
          <Button component={Link} to="/token?new=1" variant="default">
            Create New Key
          </Button>
        }
      >
        Paste one of your API keys above, choose a model, and write below. The key stays in this tab.
      </Empty>
    );
  }
  return (
    <div className={classes.conversation} role="log" aria-label="Conversation">
      {turns.map((turn, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: turns are only ever added at the end.
        <div key={index} className={classes.turn} data-role={turn.role}>
          <Text size="xs" c="dimmed" fw={550}>
            {turn.role === "user" ? "You" : "Model"}
          </Text>
          <div className={classes.words}>{turn.content}</div>
        </div>
      ))}
      <FormFailure error={error} />
    </div>
  );
}
