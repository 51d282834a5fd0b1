// Whose list of models the form asks for, and what it says of prices.
import type { Channel, DiscoveredModel, NewDiscovery } from "../../api/schema";
import { callingBody } from "./calling";
import { type ChannelValues, enteredOf, versionOf } from "./channelForm";

const ADDRESS = ["kind", "base_url", "api_version", "headers", "proxy"] as const;

/** The stored channel, by its id, as long as nothing is entered that says where its provider is and who asks. */
export function asked(values: ChannelValues, before: ChannelValues, channel: Channel | null): string | NewDiscovery {
  const [credential] = enteredOf(values);
  const same = ADDRESS.every((field) => values[field] === before[field]);
  if (channel && same && !credential && values.removed.length === 0) return channel.id;
  const { overrides: _, ...calling } = callingBody(values, before);
  const [base_url, api_version] = [values.base_url.trim(), versionOf(values)];
  return { kind: values.kind, base_url, api_version, ...(credential && { credential }), ...calling };
}

/** Those of the chosen models of which no price is known. */
export function unpriced(chosen: string[], found: DiscoveredModel[] | undefined): string[] {
  const without = new Set(found?.filter(({ priced }) => !priced).map(({ name }) => name));
  return chosen.filter((name) => without.has(name));
}
