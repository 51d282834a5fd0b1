// What tests do again and again: make things over the API, call models, and wait until a page is drawn.
import AxeBuilder from "@axe-core/playwright";
import { type APIRequestContext, expect, type Page } from "@playwright/test";

/** A name that no other test uses, for they share a gateway. */
export const unique = (word: string): string => `${word} ${Math.random().toString(36).slice(2, 8)}`;

async function make<Made>(client: APIRequestContext, path: string, data: object): Promise<Made> {
  const answer = await client.post(path, { data });
  expect(answer.status(), await answer.text()).toBe(201);
  return (await answer.json()) as Made;
}

export const makeKey = (
  client: APIRequestContext,
  key: { name?: string; expires_at?: string; quota?: object; rate_limit?: object; permissions?: object },
) => make<{ id: string; key: string; masked: string; name: string }>(client, "/api/keys", key);

export const makeAccount = (
  client: APIRequestContext,
  account: { username: string; password: string; role: string; quota?: object },
) => make<{ id: string }>(client, "/api/accounts", account);

export const makeChannel = (client: APIRequestContext, channel: object) =>
  make<{ id: string }>(client, "/api/channels", channel);

export const makeWebhook = (client: APIRequestContext, webhook: object) =>
  make<{ id: string; secret: string }>(client, "/api/webhooks", webhook);

/** One chat through the gateway, as a program would make it: with its key and without the browser. */
export async function chat(origin: string, key: string, content = "Hello, ledger!", model = "echo", stream = false) {
  const answer = await fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "user-agent": "e2e/1.0" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content }] }),
  });
  const body = await answer.text();
  return { status: answer.status, body, code: answer.ok ? null : (JSON.parse(body).error.code as string) };
}

/** The row of a table that begins with this name. */
export const row = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });

/** Everything that the page asks for has come, and is drawn. */
export async function drawn(page: Page) {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator(".mantine-Skeleton-root, [aria-busy=true], [data-stale=true]")).toHaveCount(0);
}

/** Logs in by hand, on the log-in page. */
export async function enter(page: Page, { username, password }: { username: string; password: string }) {
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** Readable by everyone, as far as a machine can tell. In the dark only the colours differ, so only they are looked at. */
export async function expectAccessible(page: Page, scheme: "light" | "dark") {
  await page.waitForFunction(() => document.getAnimations().length === 0);
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (scheme === "dark" ? axe.withRules(["color-contrast"]) : axe).analyze();
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const words = grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n    ")}`);
  expect(words, page.url()).toEqual([]);
}
