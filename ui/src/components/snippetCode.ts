// Ready code that calls a model through this gateway, in the dialect of each SDK: any of them reaches every model.
import type { Endpoint } from "../api/schema";

export interface SnippetFor {
  origin: string;
  model: string;
  /** The key; null: what REAL200_KEY holds in the environment. */
  secret: string | null;
}

const QUESTION = "Say hello.";

const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** A string in JSON is one in Python and JavaScript too. */
const quoted = (text: string) => JSON.stringify(text);

/** The lines that Python's snippets begin with, and the key in them. */
const python = (secret: string | null, imports: string) =>
  secret === null
    ? { head: `import os\n${imports}`, key: 'os.environ["REAL200_KEY"]' }
    : { head: imports, key: quoted(secret) };

const nodeKey = (secret: string | null) => (secret === null ? "process.env.REAL200_KEY" : quoted(secret));

function curl({ origin, secret, model }: SnippetFor): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: QUESTION }] });
  return [
    `curl ${origin}/v1/chat/completions \\`,
    `  -H "Authorization: Bearer ${secret ?? "$REAL200_KEY"}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d ${shell(body)}`,
  ].join("\n");
}

function openaiPython({ origin, secret, model }: SnippetFor): string {
  const { head, key } = python(secret, "from openai import OpenAI");
  return `${head}

client = OpenAI(base_url="${origin}/v1", api_key=${key})
answer = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": "${QUESTION}"}],
)
print(answer.choices[0].message.content)`;
}

function openaiNode({ origin, secret, model }: SnippetFor): string {
  return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: ${nodeKey(secret)} });
const answer = await client.chat.completions.create({
  model: ${quoted(model)},
  messages: [{ role: "user", content: "${QUESTION}" }],
});
console.log(answer.choices[0].message.content);`;
}

function anthropicPython({ origin, secret, model }: SnippetFor): string {
  const { head, key } = python(secret, "from anthropic import Anthropic");
  return `${head}

client = Anthropic(base_url="${origin}", api_key=${key})
answer = client.messages.create(
    model=${quoted(model)},
    max_tokens=1024,
    messages=[{"role": "user", "content": "${QUESTION}"}],
)
print("".join(block.text for block in answer.content if block.type == "text"))`;
}

function anthropicNode({ origin, secret, model }: SnippetFor): string {
  return `import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "${origin}", apiKey: ${nodeKey(secret)} });
const answer = await client.messages.create({
  model: ${quoted(model)},
  max_tokens: 1024,
  messages: [{ role: "user", content: "${QUESTION}" }],
});
console.log(answer.content.map((block) => (block.type === "text" ? block.text : "")).join(""));`;
}

function googlePython({ origin, secret, model }: SnippetFor): string {
  const { head, key } = python(secret, "from google import genai");
  return `${head}

client = genai.Client(api_key=${key}, http_options={"base_url": "${origin}"})
answer = client.models.generate_content(
    model=${quoted(model)},
    contents="${QUESTION}",
)
print(answer.text)`;
}

function googleNode({ origin, secret, model }: SnippetFor): string {
  return `import { GoogleGenAI } from "@google/genai";

const client = new GoogleGenAI({ apiKey: ${nodeKey(secret)}, httpOptions: { baseUrl: "${origin}" } });
const answer = await client.models.generateContent({
  model: ${quoted(model)},
  contents: "${QUESTION}",
});
console.log(answer.text);`;
}

export interface Snippet {
  name: string;
  /** What a key must be permitted for it. */
  endpoint: Endpoint;
  /** The languages that it can be shown in. */
  write: Record<string, (call: SnippetFor) => string>;
}

export const SNIPPETS: Snippet[] = [
  { name: "curl", endpoint: "chat", write: { Shell: curl } },
  { name: "OpenAI SDK", endpoint: "chat", write: { Python: openaiPython, Node: openaiNode } },
  { name: "Anthropic SDK", endpoint: "messages", write: { Python: anthropicPython, Node: anthropicNode } },
  { name: "Google Gen AI SDK", endpoint: "generate_content", write: { Python: googlePython, Node: googleNode } },
];

/** What a key may call with: all, if its list of endpoints is empty. */
export const snippetsFor = (endpoints: Endpoint[]): Snippet[] =>
  SNIPPETS.filter(({ endpoint }) => endpoints.length === 0 || endpoints.includes(endpoint));

/** The model to show code with: the first that a channel serves; members are not told the channels. */
export const firstServed = (models: { name: string; channels: unknown[] }[] | undefined): string =>
  models?.find((model) => model.channels.length > 0)?.name ?? models?.[0]?.name ?? "echo";
