// A provider that others run, as far as the gateway can tell: speaks OpenAI's dialect and Anthropic's, on a free port, from a
// script.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Provider {
  /** What a channel is given as its base URL. */
  base_url: string;
  stop: () => Promise<void>;
}

interface Asked {
  model: string;
  stream?: boolean;
  messages: { content: string }[];
}

/** Models with `broken` in their names fail, as a provider that is overloaded; all others answer. */
export async function startProvider(): Promise<Provider> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    base_url: `http://127.0.0.1:${port}/v1`,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse) {
  if (request.method !== "POST") return reply(response, 200, { object: "list", data: [] });
  const asked = JSON.parse(await text(request)) as Asked;
  if (asked.model.includes("broken")) {
    return reply(response, 503, {
      error: { message: "The model is overloaded. Try again later.", type: "overloaded" },
    });
  }
  const words = asked.messages.map(({ content }) => content).join(" ");
  const usage = usageOf(words);
  if (request.url?.endsWith("/messages")) return message(response, asked, words);
  const completion = { id: "chatcmpl-1", created: 1, model: asked.model, usage };
  if (!asked.stream) {
    const message = { role: "assistant", content: words };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    return reply(response, 200, { ...completion, object: "chat.completion", choices });
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const chunk = (choices: unknown[], more = {}) =>
    response.write(
      `data: ${JSON.stringify({ ...completion, usage: null, object: "chat.completion.chunk", choices, ...more })}\n\n`,
    );
  chunk([{ index: 0, delta: { role: "assistant", content: words }, finish_reason: null }]);
  chunk([{ index: 0, delta: {}, finish_reason: "stop" }]);
  chunk([], { usage });
  response.end("data: [DONE]\n\n");
}

/** An answer of Anthropic's. */
function message(response: ServerResponse, { model, stream }: Asked, text: string) {
  const { prompt_tokens: input_tokens, completion_tokens: output_tokens } = usageOf(text);
  const head = { id: "msg_1", type: "message", role: "assistant", model };
  const content = [{ type: "text", text }];
  const end = { stop_reason: "end_turn", stop_sequence: null };
  if (!stream) return reply(response, 200, { ...head, content, ...end, usage: { input_tokens, output_tokens } });
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (type: string, rest: object = {}) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
  const usage = { input_tokens, output_tokens: 1 };
  event("message_start", { message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage } });
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text } });
  event("content_block_stop", { index: 0 });
  event("message_delta", { delta: end, usage: { output_tokens } });
  event("message_stop");
  response.end();
}

/** A longer prompt uses more; what is asked for as `<n>k` counts as so many thousand tokens. */
function usageOf(words: string) {
  const prompt_tokens = 1000 * Number(/(\d+)k/.exec(words)?.[1] ?? 0) + words.length;
  const completion_tokens = Math.ceil(prompt_tokens / 3);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function reply(response: ServerResponse, status: number, body: unknown) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
