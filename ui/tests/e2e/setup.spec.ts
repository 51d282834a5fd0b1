// The one-time link that makes the first admin, on a gateway that has no account yet.
import { test as base, expect, type Page } from "@playwright/test";
import { type Gateway, startGateway } from "./gateway";

const test = base.extend<{ fresh: Gateway }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
  fresh: async ({}, use) => {
    const gateway = await startGateway({});
    await use(gateway);
    await gateway.stop();
  },
});

test("the printed link makes the first admin once, who is logged in at once", async ({ page, fresh }) => {
  const link = /http:\S+\/console\/setup\?token=\S+/.exec(fresh.printed())?.[0] ?? "";

  await page.goto(`${fresh.origin}/console`);
  await expect(page.getByRole("heading", { name: "Set up this gateway" })).toBeVisible();
  await expect(page.getByText("Open the set-up link that the gateway printed")).toBeVisible();

  await test.step("a link that is cut short is refused with words", async () => {
    await page.goto(link.slice(0, -3));
    await fill(page, "a long enough password");
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await expect(page.getByRole("alert")).toContainText("This set-up link is not valid");
  });

  await test.step("a slip in the password is caught, and a short one is refused at its field", async () => {
    await page.goto(link);
    await fill(page, "a long enough password", "another password");
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await expect(page.getByText("This is not the same password.")).toBeVisible();
    await fill(page, "short");
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await expect(page.getByLabel("Password", { exact: true })).toHaveAccessibleDescription(/\w/);
  });

  await fill(page, "a long enough password");
  await page.getByRole("button", { name: "Make the administrator" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "First steps" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Channels", exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Account first" }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "Set-up is done" })).toBeVisible();
});

async function fill(page: Page, password: string, again = password) {
  await page.getByLabel("Username").fill("first");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password, again").fill(again);
}
