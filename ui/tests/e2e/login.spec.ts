// Log-in and log-out.
import { enter, expectAccessible } from "./act";
import { ADMIN, expect, STRANGER, test } from "./gateway";

test.use({ storageState: STRANGER });

test("a wrong password is refused with words, and log-out ends the session", async ({ page }) => {
  await page.goto("/console/login");
  await enter(page, { ...ADMIN, password: "wrong" });
  await expect(page.getByRole("alert")).not.toBeEmpty();
  await enter(page, ADMIN);
  await page.getByRole("button", { name: `Account ${ADMIN.username}` }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.goto("/console/token");
  await expect(page).toHaveURL(/\/console\/login\?return=%2Ftoken$/);
});

test("log-in leads to no other site", async ({ page, gateway: { origin } }) => {
  await page.goto(`/console/login?return=${encodeURIComponent("//example.org/")}`);
  await enter(page, ADMIN);
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  expect(new URL(page.url()).origin).toBe(origin);
});

for (const scheme of ["light", "dark"] as const) {
  test(`the log-in page is accessible in ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto("/console/login");
    await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
    await expectAccessible(page, scheme);
  });
}
