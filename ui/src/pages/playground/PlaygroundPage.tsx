// Tries a model with a key, as a program would: through /v1 of this gateway.
import { Button, PasswordInput, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { modelsQuery } from "../../api/models";
import { useUrlState } from "../../app/urlState";
import { Filters } from "../../components/Filters";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { firstServed } from "../../components/snippetCode";
import { Conversation } from "./Conversation";
import { PromptForm } from "./PromptForm";
import { useChat } from "./useChat";

export function PlaygroundPage() {
  const url = useUrlState();
  const models = useQuery(modelsQuery());
  const [key, setKey] = useState("");
  const chat = useChat();
  const names = models.data?.items.map(({ name }) => name) ?? [];
  const model = url.get("model") || firstServed(models.data?.items);
  return (
    <Page
      title="Playground"
      about="Calls made here are counted like any other."
      action={
        chat.turns.length > 0 && (
          <Button variant="default" onClick={chat.clear}>
            Clear
          </Button>
        )
      }
    >
      <Filters>
        <PasswordInput
          aria-label="API key"
          placeholder="Paste an API key: sk-real200-…"
          autoComplete="off"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value.trim())}
        />
        <Select
          aria-label="Model"
          data={[...new Set([model, ...names])]}
          value={model}
          onChange={(next) => url.set({ model: next })}
          allowDeselect={false}
          searchable
        />
      </Filters>
      <Panel flush>
        <Conversation turns={chat.turns} error={chat.error} />
        <PromptForm
          ready={key !== ""}
          busy={chat.busy}
          onSend={(text) => chat.send(key, model, text)}
          onStop={chat.stop}
        />
      </Panel>
    </Page>
  );
}
