// The same call with curl and with each SDK.
import { Group, SegmentedControl, Tabs } from "@mantine/core";
import { useState } from "react";
import type { Endpoint } from "../api/schema";
import { Code } from "./Code";
import { type Snippet, type SnippetFor, snippetsFor } from "./snippetCode";

interface SnippetsProps extends SnippetFor {
  /** Those that the key may use; empty: all. */
  endpoints?: Endpoint[];
}

export function Snippets({ endpoints = [], ...call }: SnippetsProps) {
  const [language, setLanguage] = useState("Python");
  const snippets = snippetsFor(endpoints);
  const [first] = snippets;
  if (!first) return null;
  return (
    <Tabs defaultValue={first.name} keepMounted={false}>
      <Tabs.List mb="xs">
        {snippets.map(({ name }) => (
          <Tabs.Tab key={name} value={name}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {snippets.map((snippet) => (
        <Tabs.Panel key={snippet.name} value={snippet.name}>
          <SnippetCode snippet={snippet} call={call} language={language} onPick={setLanguage} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

interface SnippetCodeProps {
  snippet: Snippet;
  call: SnippetFor;
  /** Which to show, where there are several. */
  language: string;
  onPick: (language: string) => void;
}

function SnippetCode({ snippet: { name, write }, call, language, onPick }: SnippetCodeProps) {
  const languages = Object.keys(write);
  const shown = languages.find((known) => known === language) ?? languages[0] ?? "";
  return (
    <>
      {languages.length > 1 && (
        <Group mb="xs">
          <SegmentedControl aria-label="Language" size="xs" data={languages} value={shown} onChange={onPick} />
        </Group>
      )}
      <Code label={`${name} code`}>{write[shown]?.(call) ?? ""}</Code>
    </>
  );
}
