// The fields of a price, and how they become what the gateway is asked for.
import type { Model, NewPrice } from "../../api/schema";

type PriceName =
  | "input_usd_per_mtok"
  | "cached_input_usd_per_mtok"
  | "cache_write_usd_per_mtok"
  | "output_usd_per_mtok"
  | "per_request_usd"
  | "max_output_tokens"
  | "context_tokens";

export const PRICE_FIELDS: { name: PriceName; label: string; tokens?: true }[] = [
  { name: "input_usd_per_mtok", label: "Input, per million tokens" },
  { name: "cached_input_usd_per_mtok", label: "Cached input, per million tokens" },
  { name: "cache_write_usd_per_mtok", label: "Cache write, per million tokens" },
  { name: "output_usd_per_mtok", label: "Output, per million tokens" },
  { name: "per_request_usd", label: "Per request" },
  { name: "max_output_tokens", label: "Most output tokens", tokens: true },
  { name: "context_tokens", label: "Context tokens", tokens: true },
];

export type PriceValues = Record<PriceName, number | string>;

export const priceValues = (model: Model): PriceValues =>
  Object.fromEntries(PRICE_FIELDS.map(({ name }) => [name, model[name] ?? ""])) as PriceValues;

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
