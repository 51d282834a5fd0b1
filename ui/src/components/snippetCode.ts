// Ready code that calls a model through this gateway.

export interface SnippetFor {
  origin: string;
  secret: string;
  model: string;
}

const QUESTION = "Say hello.";
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export function curlSnippet({ origin, secret, model }: SnippetFor): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: QUESTION }] });
  return [
    `curl ${origin}/v1/chat/completions \\`,
    `  -H "Authorization: Bearer ${secret}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d ${shell(body)}`,
  ].join("\n");
}

export function pythonSnippet({ origin, secret, model }: SnippetFor): string {
  return `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${secret}")
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "${QUESTION}"}],
)
print(answer.choices[0].message.content)`;
}

export function nodeSnippet({ origin, secret, model }: SnippetFor): string {
  return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: "${secret}" });
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: "user", content: "${QUESTION}" }],
});
console.log(answer.choices[0].message.content);`;
}

/** The model to show code with: the first that a channel serves; members are not told the channels. */
export const firstServed = (models: { name: string; channels: unknown[] }[] | undefined): string =>
  models?.find((model) => model.channels.length > 0)?.name ?? models?.[0]?.name ?? "echo";
