// The fields of a price, in groups, and how they become what the gateway is asked for.
import type { Model, NewPrice } from "../../api/schema";

type PriceName = keyof NewPrice;

interface PriceField {
  name: PriceName;
  label: string;
  /** A number of tokens, or a factor; everything else is dollars. */
  of?: "tokens" | "factor";
}

/** What nearly every model has. */
export const USUAL_PRICES: PriceField[] = [
  { name: "input_usd_per_mtok", label: "Input, per million tokens" },
  { name: "cached_input_usd_per_mtok", label: "Cached input, per million tokens" },
  { name: "output_usd_per_mtok", label: "Output, per million tokens" },
  { name: "max_output_tokens", label: "Most output tokens", of: "tokens" },
  { name: "context_tokens", label: "Context tokens", of: "tokens" },
];

/** What few have. */
export const PRICE_GROUPS: { name: string; fields: PriceField[] }[] = [
  {
    name: "Cache writes and reasoning",
    fields: [
      { name: "cache_write_usd_per_mtok", label: "Cache write, per million tokens" },
      { name: "cache_write_1h_usd_per_mtok", label: "Cache write for an hour, per million tokens" },
      { name: "reasoning_usd_per_mtok", label: "Reasoning, per million tokens" },
    ],
  },
  {
    name: "Audio and images",
    fields: [
      { name: "audio_input_usd_per_mtok", label: "Audio input, per million tokens" },
      { name: "audio_cached_input_usd_per_mtok", label: "Cached audio input, per million tokens" },
      { name: "audio_output_usd_per_mtok", label: "Audio output, per million tokens" },
      { name: "image_input_usd_per_mtok", label: "Image input, per million tokens" },
      { name: "image_cached_input_usd_per_mtok", label: "Cached image input, per million tokens" },
      { name: "image_output_usd_per_mtok", label: "Image output, per million tokens" },
    ],
  },
  {
    name: "By the piece",
    fields: [
      { name: "per_request_usd", label: "Per request" },
      { name: "per_image_usd", label: "Per image" },
      { name: "per_second_usd", label: "Per second of audio" },
      { name: "per_character_usd", label: "Per character spoken" },
      { name: "per_search_usd", label: "Per search of a rerank" },
    ],
  },
  {
    name: "Long prompts and service tiers",
    fields: [
      { name: "long_context_above_tokens", label: "Prompts are long above, in tokens", of: "tokens" },
      { name: "long_context_input_factor", label: "Factor on input after a long prompt", of: "factor" },
      { name: "long_context_output_factor", label: "Factor on output after a long prompt", of: "factor" },
      { name: "flex_factor", label: "Factor of the flex tier", of: "factor" },
      { name: "priority_factor", label: "Factor of the priority tier", of: "factor" },
    ],
  },
];

export const PRICE_FIELDS: PriceField[] = [...USUAL_PRICES, ...PRICE_GROUPS.flatMap(({ fields }) => fields)];

export type PriceValues = Record<PriceName, number | string>;

export const priceValues = (model: Model): PriceValues =>
  Object.fromEntries(PRICE_FIELDS.map(({ name }) => [name, model[name] ?? ""])) as PriceValues;

/** How many fields of a group are filled in with more than zero, in words. */
export function filledIn(fields: PriceField[], values: PriceValues): string {
  const count = fields.filter(({ name }) => Number(values[name]) > 0).length;
  return count === 0 ? "none" : `${count} set`;
}

/** Blank is unknown, never zero; the form does not let input and output be blank. */
export function priceOf(values: PriceValues): NewPrice {
  const number = (name: PriceName) => (values[name] === "" ? null : Number(values[name]));
  const rest = Object.fromEntries(PRICE_FIELDS.map(({ name }) => [name, number(name)]));
  return {
    ...rest,
    input_usd_per_mtok: Number(values.input_usd_per_mtok),
    output_usd_per_mtok: Number(values.output_usd_per_mtok),
  };
}
