// The whole loop in a real browser: create a key, call with it, see it, disable it, enable it, delete it.
import type { Page } from "@playwright/test";
import { chat, enter, row, unique } from "./act";
import { ADMIN, expect, STRANGER, test } from "./gateway";

test.use({ storageState: STRANGER });

/** The text at the column's name in a row of a table. */
const cell = (page: Page, name: string, column: string) => row(page, name).locator(`td[data-label="${column}"]`);

test("log in, create, copy, call, see usage, disable: 401, enable: 200, delete: 401, calls stay in the log", async ({
  page,
  gateway: { origin },
}) => {
  const name = unique("walk");

  await page.goto("/console/token");
  await enter(page, ADMIN);
  await expect(page).toHaveURL(/\/console\/token$/);

  const key = await test.step("create: the key is shown once", async () => {
    await page.getByRole("button", { name: "Create New Key" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByRole("button", { name: "Confirm Creation" }).click();
    await expect(dialog.getByRole("alert")).toContainText("will not be shown again");
    const shown = (await dialog.getByTestId("new-key").textContent()) ?? "";
    expect(shown).toMatch(/^sk-real200-[0-9A-Za-z]{32}$/);
    await dialog.getByRole("button", { name: "Copy key" }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(shown);
    for (const client of ["OpenAI SDK", "Anthropic SDK", "Google Gen AI SDK", "curl"]) {
      await dialog.getByRole("tab", { name: client }).click();
      await expect(dialog.getByRole("region", { name: `${client} code` })).toContainText(shown);
    }
    await expect(dialog.getByRole("button", { name: "Done" })).toBeDisabled();
    await page.keyboard.press("Escape");
    await expect(dialog, "neither Escape nor chance closes it").toBeVisible();
    await dialog.getByLabel("I have stored this key safely").check();
    await dialog.getByRole("button", { name: "Done" }).click();
    await expect(dialog).toBeHidden();
    return shown;
  });

  await test.step("the table shows its mask, never the key", async () => {
    await expect(cell(page, name, "Key")).toHaveText(`${key.slice(0, 8)}···${key.slice(-4)}`);
    await expect(cell(page, name, "Status")).toHaveText("active");
    await expect(cell(page, name, "Tokens")).toHaveText("0");
    await expect(cell(page, name, "Last used")).toContainText("never");
    await expect(page.locator("body")).not.toContainText(key);
  });

  await test.step("call, and see its usage", async () => {
    expect(await chat(origin, key)).toMatchObject({ status: 200 });
    await page.reload();
    await expect(cell(page, name, "Tokens")).toHaveText(/^[1-9]\d*$/);
    await expect(cell(page, name, "Cost")).toHaveText(/\$|not priced/);
    await expect(cell(page, name, "Last used")).not.toContainText("never");
  });

  await test.step("find the call by the key's link, and open it", async () => {
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "View its calls" }).click();
    await expect(page).toHaveURL(/\/console\/log\?key_id=/);
    const calls = page.getByRole("table", { name: "Calls" }).locator("tbody tr");
    await expect(calls).toHaveCount(1);
    await expect(calls).toContainText("ok");
    await calls.getByRole("link").click();
    const drawer = page.getByRole("dialog");
    await expect(drawer).toContainText("chat");
    await expect(drawer).toContainText("Prompt tokens");
    await expect(drawer).toContainText("e2e/1.0");
    await expect(page, "the drawer is in the address").toHaveURL(/call=/);
    await page.keyboard.press("Escape");
  });

  await test.step("disable: its next request fails", async () => {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "API Keys" }).click();
    await page.getByRole("button", { name: `Disable ${name}` }).click();
    await expect(cell(page, name, "Status")).toHaveText("disabled");
    expect(await chat(origin, key)).toMatchObject({ status: 401, code: "api_key_disabled" });
  });

  await test.step("enable: it works again", async () => {
    await page.getByRole("button", { name: `Enable ${name}` }).click();
    await expect(cell(page, name, "Status")).toHaveText("active");
    expect(await chat(origin, key)).toMatchObject({ status: 200 });
  });

  await test.step("delete, once its name is typed", async () => {
    await page.getByRole("button", { name: `Delete ${name}` }).click();
    const dialog = page.getByRole("dialog");
    const remove = dialog.getByRole("button", { name: "Delete key" });
    await expect(remove).toBeDisabled();
    await dialog.getByRole("textbox").fill(name);
    await remove.click();
    await expect(row(page, name)).toHaveCount(0);
    expect(await chat(origin, key)).toMatchObject({ status: 401, code: "invalid_api_key" });
  });

  await test.step("its calls stay in the log under its name", async () => {
    await page.getByRole("link", { name: "Call Logs" }).click();
    const calls = page.getByRole("row").filter({ hasText: name });
    await expect(calls.first()).toContainText("(deleted)");
    expect(await calls.count()).toBeGreaterThanOrEqual(2);
  });
});
