// Whose list of models the form asks for, and what it says of prices.
import type { Channel, DiscoveredModel, NewDiscovery } from "../../api/schema";
import { callingBody } from "./calling";
import type { ChannelValues } from "./channelForm";

const ADDRESS = ["kind", "base_url", "credentials", "headers", "proxy"] as const;

/** The stored channel, by its id, as long as nothing is entered that says where its provider is and who asks. */
export function asked(values: ChannelValues, before: ChannelValues, channel: Channel | null): string | NewDiscovery {
  if (channel && ADDRESS.every((field) => String(values[field]) === String(before[field]))) return channel.id;
  const { overrides: _, ...calling } = callingBody(values, before);
  const [credential = null] = values.credentials.map((text) => text.trim()).filter(Boolean);
  return { kind: values.kind, base_url: values.base_url.trim(), credential, ...calling };
}

/** Those of the chosen models of which no price is known. */
export function unpriced(chosen: string[], found: DiscoveredModel[] | undefined): string[] {
  const without = new Set(found?.filter(({ priced }) => !priced).map(({ name }) => name));
  return chosen.filter((name) => without.has(name));
}
