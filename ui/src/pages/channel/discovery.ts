// Whose list of models the form asks for, and what it says of prices.
import type { Channel, DiscoveredModel, NewDiscovery } from "../../api/schema";
import { callingBody } from "./calling";
import { type ChannelValues, credentialOf, versionOf } from "./channelForm";

const ADDRESS = ["kind", "base_url", "api_version", "credential", "forgetCredential", "headers", "proxy"] as const;

/** The stored channel, by its id, as long as nothing is entered that says where its provider is and who asks. */
export function asked(values: ChannelValues, before: ChannelValues, channel: Channel | null): string | NewDiscovery {
  if (channel && ADDRESS.every((field) => values[field] === before[field])) return channel.id;
  const { overrides: _, ...calling } = callingBody(values, before);
  const [base_url, api_version] = [values.base_url.trim(), versionOf(values)];
  return { kind: values.kind, base_url, api_version, ...credentialOf(values, before), ...calling };
}

/** Those of the chosen models of which no price is known. */
export function unpriced(chosen: string[], found: DiscoveredModel[] | undefined): string[] {
  const without = new Set(found?.filter(({ priced }) => !priced).map(({ name }) => name));
  return chosen.filter((name) => without.has(name));
}
