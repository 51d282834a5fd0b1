// How a channel's provider is called, as the form holds it: headers as lines of text, overrides as JSON. Secrets come
// masked from the gateway; what is left as it came is kept as it is.
import type { Channel, ChannelChange } from "../../api/schema";

export interface CallingValues {
  headers: string;
  proxy: string;
  connect_ms: number | string;
  first_byte_ms: number | string;
  idle_ms: number | string;
  overrides: string;
}

export const blankCalling: CallingValues = {
  headers: "",
  proxy: "",
  connect_ms: "",
  first_byte_ms: "",
  idle_ms: "",
  overrides: "",
};

type Calling = Pick<Channel, "headers" | "proxy" | "timeouts" | "overrides">;

export const callingOf = ({ headers, proxy, timeouts, overrides }: Calling): CallingValues => ({
  headers: Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n"),
  proxy: proxy ?? "",
  connect_ms: timeouts.connect_ms ?? "",
  first_byte_ms: timeouts.first_byte_ms ?? "",
  idle_ms: timeouts.idle_ms ?? "",
  overrides: Object.keys(overrides).length > 0 ? JSON.stringify(overrides, null, 2) : "",
});

/** Name and value of each line; a line without a colon has no value. */
const headerLines = (text: string): [string, string | undefined][] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const colon = line.indexOf(":");
      return colon < 0
        ? [line.trim(), undefined]
        : [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    });

/** The headers that differ; null takes one out. */
function changedHeaders(text: string, before: string): Record<string, string | null> {
  const [now, was] = [new Map(headerLines(text)), new Map(headerLines(before))];
  const gone = [...was.keys()].filter((name) => !now.has(name)).map((name) => [name, null]);
  const set = [...now].filter(([name, value]) => was.get(name) !== value);
  return Object.fromEntries([...gone, ...set]);
}

const milliseconds = (value: number | string): number | null => (value === "" ? null : Number(value));

export function callingBody(values: CallingValues, before: CallingValues) {
  const body = {
    headers: changedHeaders(values.headers, before.headers),
    timeouts: {
      connect_ms: milliseconds(values.connect_ms),
      first_byte_ms: milliseconds(values.first_byte_ms),
      idle_ms: milliseconds(values.idle_ms),
    },
    overrides: values.overrides.trim() === "" ? {} : JSON.parse(values.overrides),
  } satisfies ChannelChange;
  const proxy = values.proxy.trim();
  return proxy === before.proxy ? body : { ...body, proxy: proxy || null };
}

export function headersProblem(text: string): string | null {
  const lines = headerLines(text);
  const wrong = lines.find(([name, value]) => name === "" || value === undefined);
  if (wrong) return `“${wrong[0]}” should read: Name: value`;
  const names = lines.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice ? `“${twice}” is named twice.` : null;
}

export function overridesProblem(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null && !Array.isArray(read) ? null : "This should be a JSON object.";
  } catch {
    return "This is no JSON.";
  }
}

/** What is set, in few words. */
export function callingSummary(values: CallingValues): string {
  const waits = [values.connect_ms, values.first_byte_ms, values.idle_ms].some((wait) => wait !== "");
  const set = [
    values.headers.trim() && "headers",
    values.proxy.trim() && "proxy",
    waits && "timeouts",
    values.overrides.trim() && "overrides",
  ].filter(Boolean);
  return set.join(", ") || "as usual";
}
