// One streamed chat with a model through this gateway, frame by frame.
import { Failure } from "../../api/failure";

export interface Turn {
  role: "user" | "assistant";
  content: string;
}

interface Frame {
  choices?: { delta?: { content?: string | null } }[];
  error?: unknown;
}

/** The data of every complete event in `text`, and what is left of an unfinished one. */
export function readEvents(text: string): { events: string[]; rest: string } {
  const blocks = text.split(/\r?\n\r?\n/);
  const rest = blocks.pop() ?? "";
  const events = blocks.map((block) =>
    block
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trim())
      .join("\n"),
  );
  return { events: events.filter((event) => event !== ""), rest };
}

/** The words that an event adds to the answer. */
function wordsOf(event: string, response: Response): string {
  const frame = JSON.parse(event) as Frame;
  if (frame.error) throw Failure.fromResponse(response, frame);
  return frame.choices?.map((choice) => choice.delta?.content ?? "").join("") ?? "";
}

async function ask(key: string, model: string, messages: Turn[], signal: AbortSignal): Promise<Response> {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, messages, stream: true }),
    credentials: "omit",
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? error : Failure.unreachable();
  });
  if (!response.ok) throw Failure.fromResponse(response, await response.json().catch(() => null));
  return response;
}

export async function* chat(key: string, model: string, messages: Turn[], signal: AbortSignal): AsyncGenerator<string> {
  const response = await ask(key, model, messages, signal);
  const requestId = response.headers.get("x-request-id");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    const { events, rest } = readEvents(pending + value);
    pending = rest;
    for (const event of events) {
      if (event === "[DONE]") return;
      yield wordsOf(event, response);
    }
  }
  throw new Failure(response.status, "stream_cut", "The answer ended before it was complete.", null, requestId);
}
