// Where a new key begins: the three uses that keys are made for, each a set of limits that can be changed before it is made.
import type { Model } from "../../api/schema";
import { quotaValues, rateValues } from "../../components/limits/limitValues";
import { blank, type KeyValues } from "./keyForm";

export const PRESETS = ["none", "production", "test", "third-party"] as const;
export type Preset = (typeof PRESETS)[number];

export const PRESET_NAMES: Record<Preset, string> = {
  none: "None",
  production: "Production",
  test: "Test/Dev",
  "third-party": "Third-party",
};

export const PRESET_WORDS: Record<Preset, string> = {
  none: "No limit of its own. Its account's quota holds all the same.",
  production: "A high quota, as a net below a program that runs every day.",
  test: "A low quota and an end: a loop that runs wild costs a dollar.",
  "third-party": "For a program of others: few models, a slow rate, a small quota, and an end.",
};

type Limits = Omit<KeyValues, "name" | "date">;

/** What a preset fills in. The name stays as it was typed. */
export function limitsOf(preset: Preset, models: Model[]): Limits {
  const { name: _, date: __, ...none } = blank();
  const begun: Record<Preset, Partial<Limits>> = {
    none: {},
    production: {
      quota: quotaValues({ daily_usd: 100, monthly_usd: 1000 }),
      rate_limit: rateValues({ rpm: 1200, tpm: 2_000_000, concurrency: 100, rps: 40, burst: 100 }),
    },
    test: {
      expiry: "90",
      quota: quotaValues({ daily_usd: 1, monthly_usd: 10 }),
      rate_limit: rateValues({ rpm: 60, tpm: 200_000, concurrency: 5, rps: 2, burst: 10 }),
    },
    "third-party": {
      expiry: "30",
      quota: quotaValues({ daily_usd: 2, total_usd: 20 }),
      rate_limit: rateValues({ rpm: 20, tpm: 100_000, concurrency: 2, rps: 1, burst: 2 }),
      permissions: { models: cheapest(models), endpoints: ["chat"], ips: [] },
    },
  };
  return { ...none, ...begun[preset] };
}

/** Only admins are told the channels; to members all that is listed may be served. */
function served(models: Model[]): Model[] {
  const known = models.filter(({ channels }) => channels.length > 0);
  return known.length > 0 ? known : models;
}

/** A money quota needs a price, so it is the cheapest served model that has one; others are added by hand. */
function cheapest(models: Model[]): string[] {
  const [first] = served(models)
    .filter(({ priced }) => priced)
    .toSorted((a, b) => (a.output_usd_per_mtok ?? 0) - (b.output_usd_per_mtok ?? 0));
  return first ? [first.name] : [];
}

export const servedNames = (models: Model[] | undefined): string[] => served(models ?? []).map(({ name }) => name);
