// What must hold for every page: no error, no other host, readable by everyone, no sideways scrolling, and words for every state.
import type { Page } from "@playwright/test";
import { chat, drawn, expectAccessible, makeKey, unique } from "./act";
import { expect, test } from "./gateway";

interface Shown {
  path: string;
  title: string;
  /** What it asks the gateway for, and what it says when there is none. */
  asks?: string;
  empty?: string;
}

const PAGES: Shown[] = [
  { path: "/console", title: "Overview", asks: "/api/usage" },
  { path: "/console/token", title: "API Keys", asks: "/api/keys", empty: "No API key yet" },
  { path: "/console/token?q=nothing-has-this-name", title: "API Keys" },
  { path: "/console/log", title: "Call Logs", asks: "/api/logs", empty: "No call yet" },
  { path: "/console/log?range=exact&status=error", title: "Call Logs" },
  { path: "/console/usage", title: "Usage", asks: "/api/usage", empty: "Nothing was used in this time" },
  { path: "/console/model", title: "Models", asks: "/api/models", empty: "No model yet" },
  { path: "/console/playground", title: "Playground" },
  { path: "/console/channel", title: "Channels", asks: "/api/channels", empty: "No channel yet" },
  { path: "/console/account", title: "Accounts", asks: "/api/accounts" },
  { path: "/console/webhook", title: "Webhooks", asks: "/api/webhooks", empty: "No webhook yet" },
  { path: "/console/audit", title: "Audit", asks: "/api/audit", empty: "No change yet" },
  { path: "/console/setting", title: "Settings", asks: "/api/settings" },
  { path: "/console/no-such-page", title: "Not found" },
];

/** Views that open over a page. */
const DIALOGS = [
  { path: "/console/token?new=1", title: "Create New Key" },
  { path: "/console/channel?new=1", title: "Add channel" },
  { path: "/console/account?new=1", title: "Create account" },
  { path: "/console/webhook?new=1", title: "Add webhook" },
  { path: "/console/model?model=echo", title: "Model echo" },
];

/** Everything that should not happen on a page, as it happens. */
function faultsOf(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on("console", (message) => message.type() === "error" && faults.push(`${page.url()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on("request", (asked) => {
    if (!/^(data|blob):/.test(asked.url()) && new URL(asked.url()).origin !== origin)
      faults.push(`asks ${asked.url()}`);
  });
  return faults;
}

async function open(page: Page, { path, title }: Shown) {
  await page.goto(path);
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  await drawn(page);
}

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Adds up how far things jump while a page is being drawn, as browsers measure it; what a person did does not count. */
async function watchShifts(page: Page) {
  await page.addInitScript(() => {
    const seen = { shifts: 0 };
    Object.assign(window, seen);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) Object.assign(window, { shifts: Reflect.get(window, "shifts") + entry.value });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  return () => page.evaluate(() => Reflect.get(window, "shifts") as number);
}

test.beforeEach(async ({ page, gateway: { origin } }) => {
  const { key } = await makeKey(page.request, { name: unique("a key with quite a long name, as people give them") });
  await chat(origin, key);
  await chat(origin, key, "Hello!", "no-such-model");
});

for (const scheme of ["light", "dark"] as const) {
  test.describe(scheme, () => {
    test.use({ colorScheme: scheme });

    test(`every page is without fault and accessible in ${scheme}`, async ({ page, gateway: { origin } }) => {
      const faults = faultsOf(page, origin);
      const shifts = await watchShifts(page);
      for (const shown of PAGES) {
        await open(page, shown);
        expect.soft(await shifts(), `${shown.path} jumps while it loads`).toBeLessThan(0.1);
        await expectAccessible(page, scheme);
      }
      expect(faults).toEqual([]);
    });

    test(`every dialog is without fault and accessible in ${scheme}`, async ({ page, gateway: { origin } }) => {
      const faults = faultsOf(page, origin);
      for (const { path, title } of DIALOGS) {
        await page.goto(path);
        await expect(page.getByRole("dialog", { name: title })).toBeVisible();
        await expectAccessible(page, scheme);
      }
      await page.goto("/console/log");
      await page.getByRole("table", { name: "Calls" }).getByRole("link").first().click();
      await expect(page.getByRole("dialog")).toContainText("Request id");
      await expectAccessible(page, scheme);
      expect(faults).toEqual([]);
    });
  });
}

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test("no page scrolls sideways, and the menu leads everywhere", async ({ page }) => {
    const shifts = await watchShifts(page);
    for (const shown of PAGES) {
      await open(page, shown);
      expect(await overflow(page), shown.path).toBeLessThanOrEqual(0);
      expect.soft(await shifts(), `${shown.path} jumps while it loads`).toBeLessThan(0.1);
    }
    for (const { path, title } of DIALOGS) {
      await page.goto(path);
      const dialog = page.getByRole("dialog", { name: title });
      await expect(dialog).toBeVisible();
      expect(await overflow(page), path).toBeLessThanOrEqual(0);
      expect(await dialog.evaluate((box) => box.scrollWidth - box.clientWidth), path).toBeLessThanOrEqual(0);
    }
    await page.goto("/console");
    await page.getByRole("button", { name: "Open the navigation" }).click();
    await page.getByRole("link", { name: "Call Logs" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Call Logs" })).toBeVisible();
  });
});

for (const { path, title, asks, empty } of PAGES.filter((shown) => shown.asks)) {
  test(`${title} says what went wrong, and tries again`, async ({ page }) => {
    let broken = true;
    const error = { message: "Something broke inside the gateway.", type: "api_error", code: "api_error", param: null };
    await page.route(
      (url) => url.pathname === asks,
      (route) =>
        broken
          ? route.fulfill({ status: 500, json: { error }, headers: { "x-request-id": "call_e2e" } })
          : route.continue(),
    );
    await page.goto(path);
    await expect(page.getByText("Something broke inside the gateway.").first()).toBeVisible();
    await expect(page.getByText("call_e2e").first(), "with the id to look it up by").toBeVisible();
    broken = false;
    await page.getByRole("button", { name: "Try again" }).first().click();
    await expect(page.getByText("Something broke inside the gateway.")).toHaveCount(0);
    await drawn(page);
  });

  if (!empty) continue;
  test(`${title} says what to do when there is nothing yet`, async ({ page }) => {
    await page.route(
      (url) => url.pathname === asks,
      async (route) => {
        const answer = await route.fetch();
        const body = await answer.json();
        const total = typeof body.total === "number" ? 0 : body.total;
        await route.fulfill({ response: answer, json: { ...body, items: [], total, next_cursor: null } });
      },
    );
    await page.goto(path);
    await expect(page.getByText(empty)).toBeVisible();
  });
}

test("a gateway that cannot be reached is said so", async ({ page }) => {
  await page.goto("/console/token");
  await drawn(page);
  await page.route("**/api/**", (route) => route.abort());
  await page.getByRole("link", { name: "Channels", exact: true }).click();
  await expect(page.getByText("The gateway cannot be reached.")).toBeVisible();
});
