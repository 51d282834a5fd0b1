// The same call in curl, Python and Node.
import { Tabs } from "@mantine/core";
import { Code } from "./Code";
import { curlSnippet, nodeSnippet, pythonSnippet, type SnippetFor } from "./snippetCode";

const languages = [
  { value: "curl", name: "curl", write: curlSnippet },
  { value: "python", name: "Python", write: pythonSnippet },
  { value: "node", name: "Node", write: nodeSnippet },
];

export function Snippets(call: SnippetFor) {
  return (
    <Tabs defaultValue="curl" keepMounted={false}>
      <Tabs.List mb="xs">
        {languages.map(({ value, name }) => (
          <Tabs.Tab key={value} value={value}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {languages.map(({ value, name, write }) => (
        <Tabs.Panel key={value} value={value}>
          <Code label={`${name} code`}>{write(call)}</Code>
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
