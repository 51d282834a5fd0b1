// What the channel form holds, and how it becomes what the gateway is asked for.
import type { Channel, NewChannel } from "../../api/schema";
import { blankCalling, type CallingValues, callingBody, callingOf, headersProblem, overridesProblem } from "./calling";
import { modelMapProblem, readModelMap, writeModelMap } from "./modelMap";

export interface ChannelValues extends CallingValues {
  name: string;
  kind: Channel["kind"];
  base_url: string;
  credential: string;
  forgetCredential: boolean;
  models: string[];
  model_map: string;
  priority: number | string;
  weight: number | string;
  price_multiplier: number | string;
}

export const FIELDS = [
  "name",
  "kind",
  "base_url",
  "credential",
  "models",
  "model_map",
  "priority",
  "weight",
  "price_multiplier",
  "headers",
  "proxy",
  "overrides",
] as const;

export const blank: ChannelValues = {
  name: "",
  kind: "openai",
  base_url: "",
  credential: "",
  forgetCredential: false,
  models: [],
  model_map: "",
  priority: 0,
  weight: 1,
  price_multiplier: 1,
  ...blankCalling,
};

export const valuesOf = (channel: Channel): ChannelValues => ({
  name: channel.name,
  kind: channel.kind,
  base_url: channel.base_url ?? "",
  credential: "",
  forgetCredential: false,
  models: channel.models,
  model_map: writeModelMap(channel.model_map),
  priority: channel.priority,
  weight: channel.weight,
  price_multiplier: channel.price_multiplier,
  ...callingOf(channel),
});

/** A blank credential means: leave it as it is. */
export function credentialOf(values: ChannelValues): { credential?: string | null } {
  if (values.forgetCredential) return { credential: null };
  return values.credential ? { credential: values.credential } : {};
}

/** What is asked for; `before` is what the form began with. */
export function bodyOf(values: ChannelValues, before = blank): NewChannel {
  const remote = values.kind !== "echo";
  return {
    name: values.name.trim(),
    kind: values.kind,
    models: values.models,
    model_map: readModelMap(values.model_map),
    priority: Number(values.priority),
    weight: Number(values.weight),
    price_multiplier: Number(values.price_multiplier),
    ...(remote && { base_url: values.base_url.trim(), ...credentialOf(values), ...callingBody(values, before) }),
  };
}

export const problems = {
  name: (name: string) => (name.trim() ? null : "Give it a name."),
  base_url: (url: string, values: ChannelValues) =>
    values.kind === "echo" || /^https?:\/\/[^\s/]/.test(url.trim())
      ? null
      : "An address such as https://api.openai.com/v1",
  models: (models: string[]) => (models.length > 0 ? null : "Name at least one model."),
  model_map: modelMapProblem,
  headers: headersProblem,
  overrides: overridesProblem,
};
