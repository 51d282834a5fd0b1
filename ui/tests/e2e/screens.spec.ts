// Pictures of every page with much to show: `npm run screens`. All go to test-results/screens, the README's to screenshots/.
import type { APIRequestContext, Page } from "@playwright/test";
import { chat, drawn, makeAccount, makeChannel, makeKey, makeWebhook } from "./act";
import { expect, logIn, STRANGER, startGateway, test } from "./gateway";
import { startProvider } from "./provider";
import { startReceiver } from "./receiver";

const FOLDER = "test-results/screens";
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

const KEYS = [
  { name: "website chat", age: 41, calls: 22, size: 14 },
  { name: "nightly summaries", age: 33, calls: 14, size: 90 },
  { name: "Support mailbox: triage and first answers", age: 30, calls: 9, size: 30 },
  { name: "search embeddings", age: 21, calls: 6, size: 8 },
  { name: "Anna, laptop", age: 12, calls: 5, size: 3 },
  { name: "evaluation", age: 9, calls: 4, size: 160 },
  { name: "old prototype", age: 120, calls: 2, size: 1 },
  { name: "", age: 3, calls: 1, size: 2 },
  { name: "CI", age: 1, calls: 0, size: 0 },
];
const MODELS = ["gpt-4o-mini", "gpt-4o", "deepseek-flash", "gpt-4o-mini", "claude-sonnet-5", "qwen3-32b"];

const openFirst = (page: Page) => page.locator("tbody").getByRole("link").first().click();

async function rotate(page: Page, name: string) {
  await page.getByRole("button", { name: `More for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Rotate" }).click();
}

const testFirst = async (page: Page) => {
  await page.getByRole("button", { name: "Test Pager" }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("What was sent").waitFor();
};

const PAGES: [name: string, path: string][] = [
  ["overview", "/console"],
  ["overview-tokens", "/console?chart=tokens"],
  ["token", "/console/token"],
  ["log", "/console/log"],
  ["log-exact", "/console/log?range=exact"],
  ["log-none", "/console/log?status=interrupted"],
  ["usage", "/console/usage"],
  ["usage-key", "/console/usage?by=key"],
  ["model", "/console/model"],
  ["playground", "/console/playground"],
  ["channel", "/console/channel"],
  ["account", "/console/account"],
  ["webhook", "/console/webhook"],
  ["audit", "/console/audit"],
  ["setting", "/console/setting"],
  ["not-found", "/console/no-such-page"],
];

const VIEWS: [name: string, path: string, act?: (page: Page) => Promise<void>][] = [
  ["token-create", "/console/token?new=1"],
  ["token-created", "/console/token?new=1", (page) => page.getByRole("button", { name: "Confirm Creation" }).click()],
  [
    "token-drawer",
    "/console/token?q=website",
    (page) => page.getByRole("link", { name: "website chat", exact: true }).click(),
  ],
  [
    "token-create-third-party",
    "/console/token?new=1",
    (page) => page.getByRole("radio", { name: "Third-party" }).locator("..").click(),
  ],
  ["token-rotate", "/console/token?q=website", (page) => rotate(page, "website chat")],
  ["token-delete", "/console/token?q=CI", (page) => page.getByRole("button", { name: "Delete CI" }).click()],
  ["log-drawer", "/console/log?status=error", openFirst],
  ["log-drawer-ok", "/console/log?status=ok", openFirst],
  ["log-drawer-carried", "/console/log?model=claude-sonnet-5", openFirst],
  ["channel-add", "/console/channel?new=1"],
  ["channel-add-kind", "/console/channel?new=1", (page) => page.getByRole("combobox", { name: "Kind" }).click()],
  ["channel-edit", "/console/channel", (page) => page.getByRole("link", { name: "Anthropic", exact: true }).click()],
  ["channel-test", "/console/channel", (page) => page.getByRole("button", { name: "Test OpenAI" }).click()],
  ["webhook-add", "/console/webhook?new=1"],
  ["webhook-drawer", "/console/webhook", openFirst],
  ["webhook-test", "/console/webhook", testFirst],
  ["model-price", "/console/model?model=gpt-4o-mini"],
  ["account-create", "/console/account?new=1"],
  ["account-drawer", "/console/account", (page) => page.getByRole("link", { name: "anna", exact: true }).click()],
  ["account-top-up", "/console/account", (page) => page.getByRole("button", { name: "Top up anna" }).click()],
];

const README: [name: string, path: string, scheme: "light" | "dark"][] = [
  ["token", "/console/token", "light"],
  ["overview", "/console", "dark"],
];

test.describe.configure({ timeout: 180_000 });

test("every page with much to show", async ({ browser, page, gateway: { origin } }) => {
  const provider = await startProvider();
  const [listens, refuses] = [await startReceiver(204), await startReceiver(503)];
  for (const [name, { url }] of [
    ["Pager of who is on call", listens],
    ["Chat room #gateway", refuses],
  ] as const) {
    await makeWebhook(page.request, { name, url, events: ["quota.exceeded", "balance.low"] });
  }
  await fill(page.request, origin, provider.base_url);
  await age(page);

  await page.setViewportSize({ width: 1280, height: 800 });
  for (const [name, path, scheme] of README) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(path);
    await drawn(page);
    await picture(page, `../../screenshots/${name}-${scheme}`, false);
  }

  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [size, width, height] of [
      ["wide", 1280, 800],
      ["phone", 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      const shoot = (name: string) => picture(page, `${name}-${scheme}-${size}`);
      for (const [name, path] of PAGES) {
        await page.goto(path);
        await drawn(page);
        await shoot(name);
      }
      for (const [name, path, act] of VIEWS) {
        await page.goto(path);
        await drawn(page);
        await act?.(page);
        await expect(page.getByRole("dialog")).toBeVisible();
        await shoot(name);
      }
      if (size === "phone") {
        await page.goto("/console");
        await page.getByRole("button", { name: "Open the navigation" }).click();
        await shoot("menu");
      }
    }
  }

  const stranger = await browser.newContext({ baseURL: origin, storageState: STRANGER });
  await doors(await stranger.newPage(), "/console/login", "login");
  await stranger.close();
  await Promise.all([provider, listens, refuses].map((server) => server.stop()));
});

test("the pages of a gateway that is new", async ({ browser }) => {
  const fresh = await startGateway({});
  const context = await browser.newContext({ baseURL: fresh.origin, storageState: STRANGER });
  const page = await context.newPage();
  const link = /http:\S+\/console\/setup\?token=\S+/.exec(fresh.printed())?.[0] ?? "";
  await doors(page, "/console/login", "setup-needed");
  await doors(page, link, "setup");
  const first = { username: "anna", password: "a long enough password" };
  await context.request.post("/api/setup", { data: { token: new URL(link).searchParams.get("token"), ...first } });
  await context.addCookies((await logIn(fresh.origin, first)).cookies);
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [size, width, height] of [
      ["wide", 1280, 800],
      ["phone", 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      for (const name of ["overview", "token", "log", "usage", "playground", "webhook"]) {
        await page.goto(name === "overview" ? "/console" : `/console/${name}`);
        await drawn(page);
        await picture(page, `new-${name}-${scheme}-${size}`);
      }
    }
  }
  await page.route("**/api/keys?*", (route) =>
    route.fulfill({ status: 500, json: { error: { message: "The database could not be read.", code: "api_error" } } }),
  );
  await page.goto("/console/token");
  await expect(page.getByText("The database could not be read.")).toBeVisible();
  await picture(page, "failure-dark-phone");
  await context.close();
  await fresh.stop();
});

async function doors(page: Page, path: string, name: string) {
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [size, width, height] of [
      ["wide", 1280, 800],
      ["phone", 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await picture(page, `${name}-${scheme}-${size}`);
    }
  }
}

async function picture(page: Page, name: string, fullPage = true) {
  await page.waitForFunction(() => document.getAnimations().length === 0);
  await page.screenshot({
    path: `${FOLDER}/${name}.png`,
    fullPage: fullPage && !(await page.getByRole("dialog").isVisible()),
  });
}

/** Channels, accounts, keys and calls, all through the gateway. */
async function fill(client: APIRequestContext, origin: string, base_url: string) {
  const channel = { kind: "openai", base_url, weight: 1 };
  await makeChannel(client, {
    ...channel,
    name: "OpenAI",
    models: ["gpt-4o", "gpt-4o-mini"],
    credential: "sk-1",
    priority: 10,
  });
  await makeChannel(client, {
    ...channel,
    name: "OpenRouter",
    models: ["deepseek-flash", "deepseek-v4-pro"],
    credential: "sk-2",
  });
  await makeChannel(client, {
    ...channel,
    kind: "anthropic",
    name: "Anthropic",
    models: ["claude-sonnet-5"],
    credential: "sk-ant-1",
  });
  await makeChannel(client, {
    ...channel,
    name: "vLLM in the cellar",
    models: ["qwen3-32b", "mixtral-broken", "llama-3.3-70b"],
    model_map: { "qwen3-32b": "Qwen/Qwen3-32B-AWQ" },
    price_multiplier: 0.2,
  });
  const quotas = { anna: { total_usd: 50, monthly_tokens: 2_000_000 }, bengt: { total_usd: 20 }, "support-team": {} };
  for (const [username, quota] of Object.entries(quotas)) {
    await makeAccount(client, { username, password: "a long enough password", role: "member", quota });
  }
  for (const index of KEYS.keys()) await fillKey(client, origin, index);
  const { key } = await makeKey(client, { name: "trial", quota: { daily_requests: 1 } });
  for (let call = 0; call < 2; call += 1) await chat(origin, key);
}

/** A quota for those with a number of their own; the last fits no call more. */
const LIMITS: Record<number, object> = {
  0: { quota: { daily_usd: 2, monthly_usd: 40 }, rate_limit: { rpm: 600, tpm: 2_000_000, concurrency: 50 } },
  1: { quota: { monthly_tokens: 2_000_000 } },
  2: { quota: { daily_tokens: 400_000, total_usd: 25 } },
  4: { quota: { daily_requests: 5 }, permissions: { models: ["gpt-4o*", "deepseek-*", "claude-*", "qwen3-*"] } },
};

const EXPIRES_IN_DAYS: Record<number, number> = { 1: 20, 5: 60, 7: 400 };

async function fillKey(client: APIRequestContext, origin: string, index: number) {
  const { name, calls, size } = KEYS[index] ?? { name: "", calls: 0, size: 0 };
  const days = EXPIRES_IN_DAYS[index];
  const expiry = days ? { expires_at: new Date(Date.now() + days * DAY).toISOString() } : {};
  const { id, key } = await makeKey(client, { name, ...expiry, ...LIMITS[index] });
  for (let call = 0; call < calls; call += 1) {
    const model = call % 9 === 8 ? "mixtral-broken" : (MODELS[(call + index) % MODELS.length] ?? "echo");
    await chat(origin, key, `Summarise ${size + (call % 5)}k tokens, please.`, model, call % 3 === 0);
  }
  if (name === "old prototype") await client.patch(`/api/keys/${id}`, { data: { status: "disabled" } });
}

/**
 * A fresh gateway has no past: times, latencies and the hours of the chart are made up for the pictures. Tokens, costs and
 * the numbers of today, of each key and each call are the gateway's.
 */
async function age(page: Page) {
  const now = Date.now();
  const before = (ms: number) => new Date(now - ms).toISOString();
  await page.route("**/api/keys?*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const key of body.items) {
      const { age, calls } = KEYS.find(({ name }) => name === (key.name ?? "")) ?? { age: 0, calls: 0 };
      key.created_at = before(age * DAY);
      if (key.last_used_at) key.last_used_at = before(((age * 7) % 50) * 4 * 60_000 * (30 - calls));
    }
    await route.fulfill({ response: answer, json: body });
  });
  await page.route("**/api/logs?*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const [index, call] of body.items.entries()) {
      call.started_at = before(index * index * 40_000);
      call.latency_ms += ((index * 7919) % 97) * 41;
    }
    await route.fulfill({ response: answer, json: body });
  });
  await page.route("**/api/usage?*bucket=hour*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    const [whole] = body.items;
    if (whole) body.items = spread(whole, now);
    await route.fulfill({ response: answer, json: body });
  });
}

/** Made up from the tally of one hour, for a day's chart: little at night, much at noon. */
function spread(whole: Record<string, number | string | null>, now: number) {
  return Array.from({ length: 24 }, (_, hour) => {
    const share =
      (1.15 + Math.sin((hour - 9) / 3.8)) * (0.6 + ((hour * 37) % 10) / 12) * (hour > 3 && hour < 8 ? 0.1 : 0.11);
    const part = (name: string) => Math.round(Number(whole[name]) * share);
    return {
      ...whole,
      bucket: new Date(Math.floor(now / HOUR) * HOUR - (23 - hour) * HOUR).toISOString(),
      requests: part("requests") + part("errors"),
      errors: hour % 5 === 2 ? part("errors") : 0,
      total_tokens: part("total_tokens"),
      cost_usd: Number(whole.cost_usd) * share,
    };
  });
}
