// What the channel form holds, and how it becomes what the gateway is asked for.
import type { Channel, ChannelCredential, ChannelKind, CostSource, NewChannel } from "../../api/schema";
import { blankCalling, type CallingValues, callingBody, callingOf, headersProblem, overridesProblem } from "./calling";
import { KINDS } from "./kinds";
import { modelMapProblem, readModelMap, writeModelMap } from "./modelMap";

export interface ChannelValues extends CallingValues {
  name: string;
  kind: ChannelKind;
  base_url: string;
  api_version: string;
  /** What is stored. */
  stored: ChannelCredential[];
  /** What is entered; blank fields count for nothing. */
  credentials: string[];
  /** Ids of stored ones that are to go. */
  removed: string[];
  models: string[];
  model_map: string;
  priority: number | string;
  weight: number | string;
  price_multiplier: number | string;
  cost_source: CostSource;
}

export const FIELDS = [
  "name",
  "kind",
  "base_url",
  "api_version",
  "credentials",
  "models",
  "model_map",
  "priority",
  "weight",
  "price_multiplier",
  "cost_source",
  "headers",
  "proxy",
  "overrides",
] as const;

export const blank: ChannelValues = {
  name: "",
  kind: "openai",
  base_url: "",
  api_version: "",
  stored: [],
  credentials: [""],
  removed: [],
  models: [],
  model_map: "",
  priority: 0,
  weight: 1,
  price_multiplier: 1,
  cost_source: "catalogue",
  ...blankCalling,
};

export const valuesOf = (channel: Channel): ChannelValues => ({
  name: channel.name,
  kind: channel.kind,
  base_url: channel.base_url,
  api_version: channel.api_version ?? "",
  stored: channel.credentials,
  credentials: [""],
  removed: [],
  models: channel.models,
  model_map: writeModelMap(channel.model_map),
  priority: channel.priority,
  weight: channel.weight,
  price_multiplier: channel.price_multiplier,
  cost_source: channel.cost_source,
  ...callingOf(channel),
});

/** Another kind is another provider: what was entered for the one before is not for it, nor are its secrets. */
export function ofKind(kind: ChannelKind, before: ChannelValues) {
  const { base_url, api_version, stored, headers } = kind === before.kind ? before : blank;
  return { kind, base_url, api_version, stored, headers, credentials: [""], removed: [] };
}

/** Null: the usual one. */
export const versionOf = ({ kind, api_version }: ChannelValues): string | null =>
  (KINDS[kind].api_version && api_version.trim()) || null;

/** The credentials that are entered. */
export const enteredOf = ({ credentials }: ChannelValues): string[] =>
  credentials.map((text) => text.trim()).filter((text) => text !== "");

/**
 * Nothing entered and nothing removed means: leave them as they are; but not with another provider, which shall not get them.
 * One that cannot be read gives way to what is entered.
 */
function credentialsOf(values: ChannelValues, before: ChannelValues): Pick<NewChannel, "credentials"> {
  const entered = enteredOf(values);
  if (entered.length === 0 && values.removed.length === 0 && values.kind === before.kind) return {};
  const stays = ({ id, state }: ChannelCredential) =>
    !values.removed.includes(id) && (state !== "unreadable" || entered.length === 0);
  return { credentials: [...values.stored.filter(stays).map(({ id }) => ({ id })), ...entered] };
}

/** What is asked for; `before` is what the form began with. */
export function bodyOf(values: ChannelValues, before = blank): NewChannel {
  const { address } = KINDS[values.kind];
  return {
    name: values.name.trim(),
    kind: values.kind,
    models: values.models,
    model_map: readModelMap(values.model_map),
    priority: Number(values.priority),
    weight: Number(values.weight),
    price_multiplier: Number(values.price_multiplier),
    cost_source: values.cost_source,
    api_version: versionOf(values),
    ...(address && {
      base_url: values.base_url.trim(),
      ...credentialsOf(values, before),
      ...callingBody(values, before),
    }),
  };
}

export const problems = {
  name: (name: string) => (name.trim() ? null : "Give it a name."),
  base_url: (url: string, { kind }: ChannelValues) => {
    const { address } = KINDS[kind];
    const fits = !address || (address.usual && url.trim() === "") || /^https?:\/\/[^\s/]/.test(url.trim());
    return fits ? null : `An address such as ${address.example}`;
  },
  models: (models: string[]) => (models.length > 0 ? null : "Name at least one model."),
  model_map: modelMapProblem,
  headers: headersProblem,
  overrides: overridesProblem,
};
