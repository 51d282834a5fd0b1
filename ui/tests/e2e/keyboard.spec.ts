// What matters most can be done by keyboard alone.
import type { Locator, Page } from "@playwright/test";
import { drawn, row, unique } from "./act";
import { expect, test } from "./gateway";

const STEPS = 40;

/** Presses Tab until the focus is there. */
async function tabTo(page: Page, target: Locator) {
  await target.waitFor();
  for (let step = 0; step < STEPS; step += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${target} was not reached with ${STEPS} presses of Tab.`);
}

test("create a key and disable it by keyboard alone", async ({ page }) => {
  const name = unique("keyboard");
  await page.goto("/console/token");
  await drawn(page);

  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  const create = page.getByRole("button", { name: "Create New Key" }).first();
  await tabTo(page, create);
  await page.keyboard.press("Enter");

  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");

  await expect(dialog.getByRole("button", { name: "Copy key" })).toBeFocused();
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^sk-real200-/);
  await tabTo(page, dialog.getByLabel("I have stored this key safely"));
  await page.keyboard.press("Space");
  await tabTo(page, dialog.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(create, "the focus is where it was before the dialog").toBeFocused();

  await tabTo(page, page.getByRole("button", { name: `Disable ${name}` }));
  await page.keyboard.press("Enter");
  await expect(row(page, name)).toContainText("disabled");
  await expect(page.getByRole("button", { name: `Enable ${name}` }), "the same button, to undo it").toBeFocused();
});

test("open a key's drawer and leave it again by keyboard alone", async ({ page }) => {
  const { name } = await (await page.request.post("/api/keys", { data: { name: unique("drawer") } })).json();
  await page.goto("/console/token");
  await drawn(page);
  const link = page.getByRole("link", { name, exact: true });
  await tabTo(page, link);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(link).toBeFocused();
});
