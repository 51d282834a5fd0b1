// Rows of usage, keys, accounts, channels and models for tests: zero, blank or usual but for what a test is about.
import type { Account, Balance, Channel, Key, Model, Quota, Tally, UsageRow } from "../../src/api/schema.d.ts";

const tally: Tally = {
  requests: 0,
  errors: 0,
  prompt_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  cache_write_1h_tokens: 0,
  cache_write_12h_tokens: 0,
  completion_tokens: 0,
  reasoning_tokens: 0,
  audio_input_tokens: 0,
  audio_cached_tokens: 0,
  audio_output_tokens: 0,
  image_input_tokens: 0,
  image_cached_tokens: 0,
  image_output_tokens: 0,
  images: 0,
  audio_seconds: 0,
  characters: 0,
  searches: 0,
  seconds_made: 0,
  web_searches: 0,
  web_fetches: 0,
  grounded_queries: 0,
  file_searches: 0,
  code_sessions: 0,
  total_tokens: 0,
  cost_usd: 0,
  unpriced_requests: 0,
};

export const usageRow = (row: Partial<UsageRow>): UsageRow => ({ bucket: null, group: null, ...tally, ...row });

export const quota = (caps: Partial<Quota>): Quota => ({
  total_usd: null,
  monthly_usd: null,
  daily_usd: null,
  total_tokens: null,
  monthly_tokens: null,
  daily_tokens: null,
  total_requests: null,
  monthly_requests: null,
  daily_requests: null,
  ...caps,
});

/** Nothing used, at noon of the 24th of November 2026. */
export function balance(): Balance {
  const used = () => ({ usd: 0, tokens: 0, requests: 0 });
  const left = () => ({ usd: null, tokens: null, requests: null });
  return {
    used: { total: used(), monthly: used(), daily: used() },
    remaining: { total: left(), monthly: left(), daily: left() },
    reserved: used(),
    resets_at: { daily: "2026-11-25T00:00:00Z", monthly: "2026-12-01T00:00:00Z" },
  };
}

const rate_limit = { rpm: null, tpm: null, concurrency: null, rps: null, burst: null };

export const key = (fields: Partial<Key>): Key => ({
  id: "01a2",
  name: "site",
  masked: "sk-real2···x9Qa",
  status: "active",
  expired: false,
  account_id: "01a1",
  account_username: "anna",
  created_at: "2026-11-20T00:00:00Z",
  expires_at: null,
  disable_at: null,
  last_used_at: null,
  rotated_from: null,
  rotated_to: null,
  usage: tally,
  balance: balance(),
  refusal: null,
  hints: [],
  quota: quota({}),
  rate_limit,
  permissions: { models: [], endpoints: [], ips: [] },
  ...fields,
});

export const account = (fields: Partial<Account>): Account => ({
  id: "01a1",
  username: "anna",
  role: "member",
  status: "active",
  created_at: "2026-11-20T00:00:00Z",
  key_count: 0,
  balance_low_usd: null,
  usage: tally,
  balance: balance(),
  quota: quota({}),
  rate_limit,
  ...fields,
});

export const model = (fields: Partial<Model>): Model => ({
  name: "echo",
  priced: true,
  strategy: null,
  fallbacks: [],
  source: "catalogue",
  input_usd_per_mtok: 1,
  cached_input_usd_per_mtok: null,
  cache_write_usd_per_mtok: null,
  cache_write_1h_usd_per_mtok: null,
  output_usd_per_mtok: 2,
  reasoning_usd_per_mtok: null,
  audio_input_usd_per_mtok: null,
  audio_cached_input_usd_per_mtok: null,
  audio_output_usd_per_mtok: null,
  image_input_usd_per_mtok: null,
  image_cached_input_usd_per_mtok: null,
  image_output_usd_per_mtok: null,
  per_request_usd: 0,
  per_image_usd: 0,
  per_second_usd: 0,
  per_character_usd: 0,
  per_search_usd: 0,
  long_context_above_tokens: null,
  long_context_input_factor: null,
  long_context_output_factor: null,
  flex_factor: null,
  priority_factor: null,
  max_output_tokens: null,
  context_tokens: null,
  source_url: null,
  taken_on: null,
  config_file: null,
  channels: [{ id: "01a0", name: "echo" }],
  ...fields,
});

export const health: Channel["health"] = {
  state: "healthy",
  until: null,
  reason: null,
  error_rate: null,
  latency_ms: null,
  rate_limited: [],
  parts: [],
  barred: [],
};

export const channel = (fields: Partial<Channel>): Channel => ({
  id: "01a0",
  name: "provider",
  kind: "openai",
  base_url: "https://api.openai.com/v1",
  api_version: null,
  credential_state: "sealed",
  credentials: [],
  models: ["gpt-4o"],
  model_map: {},
  priority: 0,
  weight: 1,
  price_multiplier: 1,
  cost_source: "catalogue",
  headers: {},
  proxy: null,
  timeouts: { connect_ms: null, first_byte_ms: null, idle_ms: null },
  overrides: {},
  status: "active",
  source: "own",
  config_file: null,
  created_at: "2026-11-20T00:00:00Z",
  health,
  usage: tally,
  ...fields,
});
