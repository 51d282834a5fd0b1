// Channels: an admin adds, tests, edits and disables one, and clients notice at once.
import { chat, makeKey, row, unique } from "./act";
import { test as base, expect } from "./gateway";
import { type Provider, startProvider } from "./provider";

const test = base.extend<{ provider: Provider }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  provider: async ({}, use) => {
    const provider = await startProvider();
    await use(provider);
    await provider.stop();
  },
});

test("add, test, edit and disable a channel", async ({ page, provider, gateway: { origin } }) => {
  const name = unique("provider");
  const model = unique("model").replace(" ", "-");
  const { key } = await makeKey(page.request, { name });
  await page.goto("/console/channel");

  await test.step("add", async () => {
    await page.getByRole("button", { name: "Add Channel" }).click();
    const form = page.getByRole("dialog");
    await form.getByRole("button", { name: "Groq" }).click();
    await expect(form.getByLabel("Base URL")).toHaveValue("https://api.groq.com/openai/v1");
    await form.getByLabel("Base URL").fill("no address");
    await form.getByRole("textbox", { name: "Name", exact: true }).fill(name);
    await form.getByLabel("Credential", { exact: true }).fill("sk-provider-secret");
    await form
      .getByRole("combobox", { name: "Models" })
      .or(form.getByLabel("Models", { exact: true }))
      .first()
      .fill(model);
    await page.keyboard.press("Enter");
    await form.getByRole("button", { name: "Add channel" }).click();
    await expect(form, "a wrong address is said at its field").toContainText("An address such as");
    await form.getByLabel("Base URL").fill(provider.base_url);
    await form.getByRole("button", { name: "Add channel" }).click();
    await expect(form).toBeHidden();
    await expect(row(page, name)).toContainText("active");
    await expect(page.locator("body")).not.toContainText("sk-provider-secret");
    expect(await chat(origin, key, "Hello!", model)).toMatchObject({ status: 200 });
  });

  await test.step("test", async () => {
    await page.getByRole("button", { name: `Test ${name}` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Test", exact: true }).click();
    await expect(dialog).toContainText("HTTP status");
    await expect(dialog).toContainText("200");
    await dialog.getByRole("button", { name: "Close" }).click();
    await expect(dialog).toBeHidden();
  });

  await test.step("edit: the credential is kept and not shown", async () => {
    await row(page, name).getByRole("link").click();
    const form = page.getByRole("dialog");
    await expect(form.getByLabel("Credential", { exact: true })).toHaveValue("");
    await form.getByLabel("Priority").fill("7");
    await form.getByRole("button", { name: "Save" }).click();
    await expect(form).toBeHidden();
    await expect(row(page, name).locator('td[data-label="Priority"]')).toHaveText("7");
  });

  await test.step("disable: no channel serves its model any more", async () => {
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Disable" }).click();
    await expect(row(page, name)).toContainText("disabled");
    expect((await chat(origin, key, "Hello!", model)).status).toBeGreaterThanOrEqual(400);
  });

  await test.step("delete, once its name is typed", async () => {
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill(name);
    await dialog.getByRole("button", { name: "Delete channel" }).click();
    await expect(row(page, name)).toHaveCount(0);
  });
});

test("a channel of another dialect: its form asks for what its kind takes, and its calls are carried", async ({
  page,
  provider,
  gateway: { origin },
}) => {
  const name = unique("claude");
  const models = [unique("claude"), unique("broken")].map((model) => model.replace(" ", "-"));
  const { key } = await makeKey(page.request, { name });
  await page.goto("/console/channel");

  await test.step("add", async () => {
    await page.getByRole("button", { name: "Add Channel" }).click();
    const form = page.getByRole("dialog");
    const pick = async (kind: string) => {
      await form.getByRole("combobox", { name: "Kind" }).click();
      await page.getByRole("option", { name: kind }).click();
    };
    await pick("Echo");
    await expect(form.getByLabel("Base URL")).toBeHidden();
    await expect(form.getByLabel("Credential", { exact: true })).toBeHidden();
    await pick("Azure OpenAI");
    await form.getByLabel("Base URL").fill("https://blue.openai.azure.com");
    await form.getByLabel("API version").fill("2024-10-21");
    await pick("Anthropic");
    await expect(form.getByLabel("Base URL"), "the address was that of another provider").toHaveValue("");
    await expect(form.getByLabel("Base URL")).toHaveAttribute("placeholder", "https://api.anthropic.com/v1");
    await expect(form.getByLabel("API version")).toHaveValue("");
    await form.getByLabel("Base URL").fill(provider.base_url);
    await form.getByRole("textbox", { name: "Name", exact: true }).fill(name);
    for (const model of models) {
      await form.getByRole("combobox", { name: "Models" }).fill(model);
      await page.keyboard.press("Enter");
    }
    await form.getByRole("button", { name: "Add channel" }).click();
    await expect(form).toBeHidden();
    await expect(row(page, name)).toContainText("Anthropic");
  });

  await test.step("a chat is a message at the provider, and its call says so", async () => {
    const [model = "", broken = ""] = models;
    expect(await chat(origin, key, "Hello!", model)).toMatchObject({ status: 200 });
    expect((await chat(origin, key, "Hello!", broken)).status).toBeGreaterThanOrEqual(400);
    await page.goto(`/console/log?model=${model}`);
    const calls = page.getByRole("table", { name: "Calls" });
    await calls.getByRole("link").first().click();
    const drawer = page.getByRole("dialog");
    await expect(drawer).toContainText("Endpoint at the providermessages");
    await page.goto(`/console/log?model=${broken}`);
    await calls.getByRole("link").first().click();
    await expect(drawer.getByRole("list", { name: "Attempts" })).toContainText("as messages");
    await expect(drawer.getByRole("list", { name: "Attempts" })).toContainText("The model is overloaded.");
  });

  await test.step("goes over to another kind, without its credential and address", async () => {
    await page.goto("/console/channel");
    await row(page, name).getByRole("link").click();
    const form = page.getByRole("dialog");
    await form.getByRole("combobox", { name: "Kind" }).click();
    await page.getByRole("option", { name: "Google Gemini" }).click();
    await form.getByRole("button", { name: "Save" }).click();
    await expect(form).toBeHidden();
    await expect(row(page, name)).toContainText("Google Gemini");
  });
});

test("a test that fails shows what came back", async ({ page, provider }) => {
  const name = unique("failing");
  const channel = { name, kind: "openai", base_url: provider.base_url, models: [unique("broken").replace(" ", "-")] };
  await page.request.post("/api/channels", { data: channel });
  await page.goto("/console/channel");
  await page.getByRole("button", { name: `Test ${name}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Test", exact: true }).click();
  await expect(dialog).toContainText("failed");
  await expect(dialog).toContainText("The model is overloaded.");
});
