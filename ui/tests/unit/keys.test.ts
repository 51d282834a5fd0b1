import { describe, expect, test } from "vitest";
import { Failure } from "../../src/api/failure.ts";
import type { Permissions } from "../../src/api/schema.d.ts";
import { quotaValues } from "../../src/components/limits/limitValues.ts";
import { countHints } from "../../src/pages/key/hygiene.ts";
import { keyErrors } from "../../src/pages/key/keyErrors.ts";
import { blank, changeOf, newKeyOf, problems, valuesOf } from "../../src/pages/key/keyForm.ts";
import { writePermissions } from "../../src/pages/key/permissionWords.ts";
import { limitsOf, PRESETS, servedNames } from "../../src/pages/key/presets.ts";
import { writeRefusal } from "../../src/pages/key/refusal.ts";
import { canRotate, disableAfter, OVERLAPS } from "../../src/pages/key/rotation.ts";
import { modelFor, writeTerms } from "../../src/pages/key/terms.ts";
import { key, model, quota } from "./rows.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const DAY = 24 * 60 * 60 * 1000;
const daysAgo = (days: number) => new Date(NOW - days * DAY).toISOString();

const MODELS = [
  model({ name: "dear", output_usd_per_mtok: 15 }),
  model({ name: "cheap", output_usd_per_mtok: 0.4 }),
  model({ name: "cheaper, but served by nobody", output_usd_per_mtok: 0.1, channels: [] }),
  model({ name: "of unknown price", priced: false, output_usd_per_mtok: null }),
];

describe("a preset", () => {
  test("limits what it says it does", () => {
    const [none, production, trial, other] = PRESETS.map((preset) => limitsOf(preset, MODELS));
    expect(none).toEqual(limitsOf("none", []));
    expect(Number(production?.quota.daily_usd)).toBeGreaterThan(Number(trial?.quota.daily_usd));
    expect(production?.expiry).toBe("never");
    expect(trial?.expiry).not.toBe("never");
    expect(other?.expiry).not.toBe("never");
    expect(other?.permissions).toEqual({ models: ["cheap"], endpoints: ["chat"], ips: [] });
    expect(Number(other?.rate_limit.rpm)).toBeLessThan(Number(trial?.rate_limit.rpm));
    expect(Number(other?.rate_limit.rps)).toBeLessThan(Number(trial?.rate_limit.rps));
  });

  test("is new each time: what is changed in one does not stay for the next", () => {
    limitsOf("third-party", MODELS).permissions.models.push("dear");
    expect(limitsOf("third-party", MODELS).permissions.models).toEqual(["cheap"]);
    expect(limitsOf("none", MODELS).permissions.models).toEqual([]);
  });

  test("names no model where none is priced: a money quota would refuse it", () => {
    expect(limitsOf("third-party", MODELS.slice(3)).permissions.models).toEqual([]);
  });

  test("members are not told who serves a model: to them all count", () => {
    expect(servedNames(MODELS)).not.toContain("cheaper, but served by nobody");
    expect(servedNames(MODELS.map((model) => ({ ...model, channels: [] })))).toHaveLength(4);
    expect(servedNames(undefined)).toEqual([]);
  });
});

describe("a key that is made", () => {
  test("from nothing but a name leaves the quota to the gateway's policy", () => {
    expect(newKeyOf({ ...blank(), name: " site " }, NOW)).toEqual({
      name: "site",
      expires_at: null,
      rate_limit: { rpm: null, tpm: null, concurrency: null, rps: null, burst: null },
      permissions: { models: [], endpoints: [], ips: [] },
    });
  });

  test("has the caps that were entered", () => {
    const values = { ...blank(), expiry: "30", quota: quotaValues({ daily_usd: 1 }) };
    expect(newKeyOf(values, NOW)).toMatchObject({ expires_at: daysAgo(-30), quota: quota({ daily_usd: 1 }) });
  });
});

describe("a key that is changed", () => {
  const before = valuesOf(key({ expires_at: daysAgo(-3), quota: quota({ daily_usd: 1 }) }));

  test("sends only what is another", () => {
    expect(changeOf(before, before, NOW)).toEqual({});
    expect(changeOf({ ...before, name: "" }, before, NOW)).toEqual({ name: "" });
    expect(changeOf({ ...before, expiry: "never" }, before, NOW)).toEqual({ expires_at: null });
    const raised = { ...before, quota: { ...before.quota, daily_usd: "2" } };
    expect(changeOf(raised, before, NOW)).toEqual({ quota: quota({ daily_usd: 2 }) });
    const typedAgain = { ...before, quota: { ...before.quota, daily_usd: "1.0" } };
    expect(changeOf(typedAgain, before, NOW), "the same number is the same cap").toEqual({});
    const models = { ...before, permissions: { ...before.permissions, models: ["gpt-4o*"] } };
    expect(changeOf(models, before, NOW)).toEqual({ permissions: models.permissions });
  });

  test("may keep an expiry that is over, but get no new one that is", () => {
    const over = { ...before, date: "2020-01-01" };
    expect(problems(over).date("2020-01-01", over)).toBeNull();
    expect(problems(before).date("2020-01-01", over)).not.toBeNull();
  });
});

test("what is refused stands at its field, however deep it is", () => {
  const refused = (param: string) => keyErrors(new Failure(422, "invalid_field", "No.", param, null));
  expect(refused("quota.daily_usd")).toEqual({ "quota.daily_usd": "No." });
  expect(refused("permissions.models[0]")).toEqual({ "permissions.models": "No." });
  expect(refused("expires_at")).toEqual({ expiry: "No." });
  expect(refused("name")).toEqual({ name: "No." });
  expect(refused("account_id")).toEqual({});
});

test("hints are counted over keys, and left out where none has them", () => {
  const keys = [key({}), key({ hints: ["no_expiry"] }), key({ hints: ["no_limit", "no_expiry"] })];
  expect(countHints(keys)).toEqual([
    ["no_limit", 1],
    ["no_expiry", 2],
  ]);
});

describe("a refusal in few words", () => {
  test.each([
    ["insufficient_quota", "key.daily_usd", "daily USD used up"],
    ["insufficient_quota", "account.total_tokens", "account's total tokens used up"],
    ["insufficient_quota", null, "insufficient quota"],
    ["account_disabled", null, "account disabled"],
    ["a_code_of_tomorrow", null, "a code of tomorrow"],
  ])("%s, %s", (code, param, words) => expect(writeRefusal({ code, message: "", param })).toBe(words));
});

describe("a rotation", () => {
  test("says in seconds when the old key ends, or nothing", () => {
    expect(OVERLAPS.map(({ value }) => disableAfter(value).disable_old_after_s)).toEqual([
      0,
      3600,
      86_400,
      604_800,
      undefined,
    ]);
  });

  test("is for keys that work and have no successor", () => {
    expect(canRotate(key({}))).toBe(true);
    expect(canRotate(key({ rotated_to: "01a2" }))).toBe(false);
    expect(canRotate(key({ status: "disabled" }))).toBe(false);
    expect(canRotate(key({ expired: true }))).toBe(false);
  });
});

describe("the terms of a new key", () => {
  test("name what it was given", () => {
    const permissions: Permissions = {
      models: ["gpt-4o*"],
      endpoints: ["chat", "embeddings"],
      ips: ["10.0.0.0/8", "::1"],
    };
    expect(writePermissions(permissions)).toBe("gpt-4o*, 2 endpoints, 2 addresses");
    const rate_limit = { rpm: 60, tpm: null, concurrency: null, rps: null, burst: null };
    expect(writeTerms(key({ quota: quota({ daily_usd: 1 }), rate_limit }))).toBe(
      "Works until it is disabled · $1.00 a day · 60 requests a minute",
    );
  });

  test("show its first call with a model that it may use", () => {
    const served = [...MODELS, model({ name: "gpt-4o-mini" }), model({ name: "a.b/c(1)" })];
    expect(modelFor([], served)).toBe("dear");
    expect(modelFor(["gpt-4?*", "cheap"], served), "the first that is served").toBe("cheap");
    expect(modelFor(["gpt-4?*"], served)).toBe("gpt-4o-mini");
    expect(modelFor(["a.b/c(?)"], served)).toBe("a.b/c(1)");
    expect(modelFor(["of tomorrow"], served), "named, if not served yet").toBe("of tomorrow");
    expect(modelFor(["tomorrow*"], served)).toBe("dear");
  });
});
