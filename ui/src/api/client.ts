// The one way to the console API: typed by the gateway's own OpenAPI document.
import createClient from "openapi-fetch";
import { Failure } from "./failure";
import type { paths } from "./schema";

export const api = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin" });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or a `Failure`. */
export async function take<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked.catch(() => {
    throw Failure.unreachable();
  });
  if (!answer.response.ok) throw Failure.fromResponse(answer.response, answer.error);
  return answer.data as T;
}

/** Leaves out what is blank, so that the query string names only what is asked for. */
export function given<T extends Record<string, unknown>>(
  query: T,
): { [K in keyof T]: Exclude<T[K], "" | null> | undefined } {
  const kept = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], "" | null> | undefined };
}
