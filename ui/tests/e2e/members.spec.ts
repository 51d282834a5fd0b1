// A member sees and changes what is theirs, and no page of the administrators.
import { makeAccount, makeKey, unique } from "./act";
import { expect, logIn, test } from "./gateway";

const PASSWORD = "a long enough password";

test("a member sees no admin pages and no key of others", async ({ browser, page, gateway: { origin } }) => {
  const username = unique("member").replace(" ", "-");
  const theirs = unique("theirs");
  const others = unique("others");
  await makeAccount(page.request, { username, password: PASSWORD, role: "member" });
  await makeKey(page.request, { name: others });

  const context = await browser.newContext({
    baseURL: origin,
    storageState: await logIn(origin, { username, password: PASSWORD }),
  });
  const member = await context.newPage();

  await member.goto("/console/token");
  const menu = member.getByRole("navigation", { name: "Main" });
  await expect(menu.getByRole("link")).toHaveText([
    "Overview",
    "API Keys",
    "Call Logs",
    "Usage",
    "Models",
    "Playground",
  ]);
  await expect(menu).not.toContainText("Administration");

  await expect(member.getByText("No API key yet")).toBeVisible();
  await makeKey(member.request, { name: theirs });
  await member.reload();
  await expect(member.getByRole("link", { name: theirs })).toBeVisible();
  await expect(member.getByText(others)).toHaveCount(0);

  for (const path of ["channel", "account", "audit", "setting"]) {
    await member.goto(`/console/${path}`);
    await expect(member.getByText("Only an administrator can see this")).toBeVisible();
    await expect(member.getByRole("table")).toHaveCount(0);
  }
  const refused = await member.request.get("/api/channels");
  expect(refused.status(), "nor does the API tell").toBe(403);
  await context.close();
});

test("an admin makes an account, disables it and deletes it", async ({ page, gateway: { origin } }) => {
  const username = unique("person").replace(" ", "-");
  await page.goto("/console/account");
  await page.getByRole("button", { name: "Create Account" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Username").fill(username);
  await form.getByLabel(/^Password/).fill(PASSWORD);
  await form.getByRole("button", { name: "Create account" }).click();
  await expect(form).toBeHidden();
  await logIn(origin, { username, password: PASSWORD });

  await page.getByRole("button", { name: `Disable ${username}` }).click();
  await expect(page.getByRole("row").filter({ hasText: username })).toContainText("disabled");
  await expect(logIn(origin, { username, password: PASSWORD })).rejects.toThrow("cannot log in");

  await page.getByRole("button", { name: `Delete ${username}` }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(username);
  await page.getByRole("dialog").getByRole("button", { name: "Delete account" }).click();
  await expect(page.getByRole("row").filter({ hasText: username })).toHaveCount(0);
});
