import { describe, expect, test } from "vitest";
import type { Channel, ChannelKind } from "../../src/api/schema.d.ts";
import { isTyped } from "../../src/components/isTyped.ts";
import { writeChanges } from "../../src/pages/audit/changes.ts";
import {
  blankCalling,
  callingBody,
  callingOf,
  callingSummary,
  headersProblem,
  overridesProblem,
} from "../../src/pages/channel/calling.ts";
import { blank, bodyOf, ofKind, problems, valuesOf } from "../../src/pages/channel/channelForm.ts";
import { asked, unpriced } from "../../src/pages/channel/discovery.ts";
import { KIND_NAMES, providerOf } from "../../src/pages/channel/kinds.ts";
import { modelMapProblem, readModelMap, writeModelMap } from "../../src/pages/channel/modelMap.ts";
import { keyStatus, keyTitle } from "../../src/pages/key/keyStatus.ts";
import { PRICE_FIELDS, type PriceValues, priceOf } from "../../src/pages/model/price.ts";
import { allDone, channelDone } from "../../src/pages/overview/steps.ts";
import { readEvents } from "../../src/pages/playground/chat.ts";
import { bySize } from "../../src/pages/usage/bySize.ts";
import { readable } from "../../src/pages/webhook/deliveryStatus.ts";
import * as webhookForm from "../../src/pages/webhook/webhookForm.ts";
import { channel, usageRow } from "./rows.ts";

describe("a price that is entered", () => {
  const blankPrice = Object.fromEntries(PRICE_FIELDS.map(({ name }) => [name, ""])) as PriceValues;

  test("keeps every digit", () => {
    const price = priceOf({ ...blankPrice, input_usd_per_mtok: "0.0375", output_usd_per_mtok: 0.000001 });
    expect(price).toMatchObject({ input_usd_per_mtok: 0.0375, output_usd_per_mtok: 0.000001 });
  });

  test("is unknown where it is blank, and free where it is 0", () => {
    const price = priceOf({ ...blankPrice, input_usd_per_mtok: 0, output_usd_per_mtok: 0, per_request_usd: 0 });
    expect(price).toMatchObject({ input_usd_per_mtok: 0, per_request_usd: 0 });
    expect(price.cached_input_usd_per_mtok).toBeNull();
  });
});

describe("the map of model names", () => {
  test("goes through the text and back", () => {
    const map = { "qwen3-32b": "Qwen/Qwen3-32B", "gpt-4o": "azure-gpt-4o" };
    expect(readModelMap(writeModelMap(map))).toEqual(map);
  });

  test("bears blank lines and spaces", () => {
    expect(readModelMap("\n  a  =  b \r\n\n")).toEqual({ a: "b" });
    expect(modelMapProblem("\n  a  =  b \n\n")).toBeNull();
  });

  test.each(["a", "a =", "= b", "a = b = c", "a = b\na = c"])("%j is refused with words", (text) => {
    expect(modelMapProblem(text)).not.toBeNull();
  });
});

describe("a channel that is entered", () => {
  const openai = { ...blank, name: " OpenAI ", base_url: " https://api.openai.com/v1 ", models: ["gpt-4o"] };

  test("sends its credentials only when one was typed or removed", () => {
    const one = (id: string, state: "healthy" | "unreadable") => ({ id, state, reason: null, rate_limited: [] });
    const stored = [one("a", "healthy"), one("b", "unreadable")];
    expect(bodyOf({ ...openai, stored })).not.toHaveProperty("credentials");
    expect(bodyOf({ ...openai, credentials: [" sk-1 ", ""] })).toMatchObject({ credentials: ["sk-1"] });
    const entered = { ...openai, stored, credentials: ["sk-1"] };
    expect(bodyOf(entered)).toMatchObject({ credentials: [{ id: "a" }, "sk-1"] });
    expect(bodyOf({ ...openai, stored, removed: ["a"] })).toMatchObject({ credentials: [{ id: "b" }] });
    expect(bodyOf({ ...openai, stored, removed: ["a", "b"] })).toMatchObject({ credentials: [] });
  });

  test("of kind echo has neither address nor credential", () => {
    const body = bodyOf({ ...openai, kind: "echo", credentials: ["sk-1"] });
    expect(body).not.toHaveProperty("base_url");
    expect(body).not.toHaveProperty("credentials");
  });

  test.each(["api.openai.com", "ftp://x", "https://", "javascript:1"])("has no address such as %j", (url) => {
    expect(problems.base_url(url, openai)).not.toBeNull();
  });

  test("may leave its address blank where its kind has a usual one", () => {
    const blankOf = (kind: ChannelKind) => problems.base_url(" ", { ...openai, kind });
    const needed = KIND_NAMES.filter((kind) => blankOf(kind) !== null);
    expect(needed).toEqual(["vertex", "bedrock", "azure-openai"]);
  });

  test("has a version of the interface only where its kind has several", () => {
    const versioned = { ...openai, api_version: " 2024-10-21 " };
    expect(bodyOf({ ...versioned, kind: "azure-openai" })).toMatchObject({ api_version: "2024-10-21" });
    expect(bodyOf({ ...openai, kind: "anthropic" })).toMatchObject({ api_version: null });
    expect(bodyOf(versioned)).toMatchObject({ api_version: null });
  });

  test("has its name and address without the spaces around them", () => {
    expect(bodyOf(openai)).toMatchObject({ name: "OpenAI", base_url: "https://api.openai.com/v1" });
  });
});

describe("a channel that goes over to another provider", () => {
  const azure = { kind: "azure-openai", base_url: "https://a.example", api_version: "2024-10-21" } as const;
  const before = valuesOf(channel({ ...azure, headers: { "x-key": "···abcd" } }));

  test("takes neither address nor version with it, and has them again if it comes back", () => {
    const typed = { ...before, credentials: ["sk-typed"] };
    const gone = { ...typed, ...ofKind("gemini", before) };
    expect(gone).toMatchObject({ kind: "gemini", base_url: "", api_version: "", stored: [], credentials: [""] });
    expect({ ...gone, ...ofKind("azure-openai", before) }).toEqual(before);
  });

  test("does not show its stored credential and headers to the new one", () => {
    const gone = { ...before, ...ofKind("gemini", before) };
    expect(bodyOf(gone, before)).toMatchObject({ credentials: [], headers: { "x-key": null } });
    expect(bodyOf({ ...gone, credentials: ["AIza-1"] }, before)).toMatchObject({ credentials: ["AIza-1"] });
    expect(bodyOf(before, before)).not.toHaveProperty("credentials");
  });
});

test("a channel's provider in few words", () => {
  expect(providerOf({ kind: "openai", base_url: "http://vllm:8000/v1" })).toBe("http://vllm:8000/v1");
  expect(providerOf({ kind: "anthropic", base_url: "https://api.anthropic.com/v1" })).toBe("Anthropic");
  expect(providerOf({ kind: "anthropic", base_url: "http://proxy/v1" })).toBe("Anthropic · http://proxy/v1");
  expect(providerOf({ kind: "echo", base_url: "" })).toBe("Echo, built in");
});

describe("how a channel is called", () => {
  const stored = callingOf({
    headers: { "x-tenant": "···", "x-key": "···abcd" },
    proxy: "http://ada:···@p:1",
    timeouts: { connect_ms: 500, first_byte_ms: null, idle_ms: null },
    overrides: { temperature: 0.2 },
  });

  test("left alone keeps its secrets", () => {
    const body = callingBody(stored, stored);
    expect(body).toEqual({
      headers: {},
      timeouts: { connect_ms: 500, first_byte_ms: null, idle_ms: null },
      overrides: { temperature: 0.2 },
    });
  });

  test("sends what was set and what was taken out", () => {
    const headers = "X-Tenant: red: blue\n\nX-New: 1";
    const body = callingBody({ ...stored, headers, proxy: " ", overrides: "" }, stored);
    expect(body).toMatchObject({
      headers: { "x-tenant": "red: blue", "x-new": "1", "x-key": null },
      proxy: null,
      overrides: {},
    });
  });

  test.each(["no colon", ": x", "A: 1\na: 2"])("has no headers such as %j", (text) => {
    expect(headersProblem(text)).not.toBeNull();
  });

  test.each(["[1]", "1", "{", "null"])("has no overrides such as %j", (text) => {
    expect(overridesProblem(text)).not.toBeNull();
  });

  test("says what is set", () => {
    expect(callingSummary(blankCalling)).toBe("as usual");
    expect(callingSummary(stored)).toBe("headers, proxy, timeouts, overrides");
  });
});

describe("the list of a provider's models", () => {
  const stored = { id: "01c", kind: "openai", models: ["a"] } as Channel;
  const before = { ...blank, base_url: "https://p/v1" };

  test("is asked of the stored channel until something else is entered", () => {
    expect(asked({ ...before, models: ["b"], weight: 2 }, before, stored)).toBe("01c");
    const other = asked({ ...before, base_url: " https://q/v1 ", credentials: ["sk-2"] }, before, stored);
    expect(other).toMatchObject({ kind: "openai", base_url: "https://q/v1", credential: "sk-2" });
    const azure = { ...before, kind: "azure-openai" as const };
    expect(asked({ ...azure, api_version: "2025-01-01" }, azure, stored)).toMatchObject({ api_version: "2025-01-01" });
    expect(asked(before, before, null)).not.toBe("01c");
  });

  test("says which of the chosen models have no price", () => {
    const found = [
      { name: "a", priced: true },
      { name: "b", priced: false },
      { name: "c", priced: false },
    ];
    expect(unpriced(["a", "b", "own"], found)).toEqual(["b"]);
    expect(unpriced(["b"], undefined)).toEqual([]);
  });
});

describe("a key", () => {
  test("that is disabled and expired is disabled: enabling alone would not help, but is what was done", () => {
    const refusal = { code: "account_disabled", message: "The account is disabled.", param: null };
    expect(keyStatus({ status: "disabled", expired: true, refusal })).toBe("disabled");
    expect(keyStatus({ status: "active", expired: true, refusal })).toBe("expired");
    expect(keyStatus({ status: "active", expired: false, refusal })).toBe("refused");
    expect(keyStatus({ status: "active", expired: false, refusal: null })).toBe("active");
  });

  test("is called by its name, or by what can be seen of it", () => {
    expect(keyTitle({ name: "site", masked: "sk-real2···x9Qa" })).toBe("site");
    expect(keyTitle({ name: "", masked: "sk-real2···x9Qa" })).toBe("sk-real2···x9Qa");
  });
});

describe("a word that confirms", () => {
  test("may have full stops for the middle dots of a masked key", () => {
    expect(isTyped("sk-real2...x9Qa", "sk-real2···x9Qa")).toBe(true);
    expect(isTyped(" site ", "site")).toBe(true);
  });

  test.each(["", "sit", "Site", "sites"])("is not %j", (typed) => expect(isTyped(typed, "site")).toBe(false));
});

test("changes in words", () => {
  expect(
    writeChanges({ status: ["active", "disabled"], expires_at: [null, "2027"], models: [["a"], ["a", "b"]] }),
  ).toEqual(["status: active → disabled", "expires_at: none → 2027", 'models: ["a"] → ["a","b"]']);
  expect(writeChanges({ credential: "changed" })).toEqual(["credential: changed"]);
  expect(writeChanges(null)).toEqual([]);
});

test("the largest stands first, by money, then by tokens, for what is not priced costs nothing that is known", () => {
  const rows = [
    usageRow({ total_tokens: 5 }),
    usageRow({ total_tokens: 900, unpriced_requests: 1 }),
    usageRow({ total_tokens: 1, cost_usd: 0.1 }),
  ];
  expect(bySize(rows).map(({ total_tokens }) => total_tokens)).toEqual([1, 900, 5]);
});

test("the first step is done by a provider, or by taking echo on purpose", () => {
  expect(channelDone([{ kind: "echo" }], false)).toBe(false);
  expect(channelDone([{ kind: "echo" }], true)).toBe(true);
  expect(channelDone([{ kind: "echo" }, { kind: "openai" }], false)).toBe(true);
  expect(channelDone(undefined, false)).toBe(true);
  expect(allDone({ channel: true, key: true, call: false })).toBe(false);
});

describe("events of a stream", () => {
  test("are read when they are whole", () => {
    expect(readEvents("data: 1\n\ndata: 2\n\ndata: 3")).toEqual({ events: ["1", "2"], rest: "data: 3" });
  });

  test("come in either line ending, with comments and fields between", () => {
    expect(readEvents(": ping\r\n\r\nevent: x\r\ndata: 1\r\n\r\n")).toEqual({ events: ["1"], rest: "" });
  });
});

describe("a webhook that is entered", () => {
  const values = { ...webhookForm.blank, name: " on-call ", url: " https://example.com/hook " };

  test("has a secret made unless one was typed, and keeps the one it has", () => {
    expect(webhookForm.newWebhookOf(values)).toEqual({
      name: "on-call",
      url: "https://example.com/hook",
      events: ["quota.exceeded", "balance.low", "channel.down", "channel.up", "usage.implausible"],
    });
    expect(webhookForm.newWebhookOf({ ...values, secret: "s" })).toMatchObject({ secret: "s" });
    expect(webhookForm.changeOf(values)).not.toHaveProperty("secret");
    expect(webhookForm.changeOf({ ...values, renewSecret: true, secret: "s" })).toMatchObject({ secret: null });
  });

  test("needs a web address and an event", () => {
    expect(webhookForm.problems.url("ftp://example.com")).not.toBeNull();
    expect(webhookForm.problems.url(values.url)).toBeNull();
    expect(webhookForm.problems.events([])).not.toBeNull();
  });

  test("shows what is sent line by line, and what is no JSON as it is", () => {
    expect(readable('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(readable("a")).toBe("a");
  });
});
