// Rows of usage for tests: zero but for what a test is about.
import type { UsageRow } from "../../src/api/schema.d.ts";

export const usageRow = (row: Partial<UsageRow>): UsageRow => ({
  bucket: null,
  group: null,
  requests: 0,
  errors: 0,
  prompt_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  completion_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 0,
  cost_usd: 0,
  unpriced_requests: 0,
  ...row,
});
