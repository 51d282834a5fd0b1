// Limits in a real browser: presets, quotas that are met, rotation, balances and policies.
import type { Page } from "@playwright/test";
import { chat, expectAccessible, makeAccount, makeKey, row, unique } from "./act";
import { expect, logIn, test } from "./gateway";

const PASSWORD = "a long enough password";

/** The text at the column's name in a row of a table. */
const cell = (page: Page, name: string, column: string) => row(page, name).locator(`td[data-label="${column}"]`);

const choose = (page: Page, preset: string) =>
  page.getByRole("radio", { name: preset, exact: true }).locator("..").click();

/** In both schemes, which differ in their colours. */
async function expectReadable(page: Page) {
  await expectAccessible(page, "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await expectAccessible(page, "dark");
  await page.emulateMedia({ colorScheme: "light" });
}

/** Opens a part of a form that is folded. */
const unfold = (page: Page, part: string) => page.getByRole("button", { name: new RegExp(`^${part}`) }).click();

/** Takes the key that is shown once, and says that it is stored. */
async function takeKey(page: Page): Promise<string> {
  const dialog = page.getByRole("dialog");
  const key = (await dialog.getByTestId("new-key").textContent()) ?? "";
  await dialog.getByLabel("I have stored this key safely").check();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toBeHidden();
  return key;
}

test("a key from a preset is held to its quota, and its row says why it is refused", async ({
  page,
  gateway: { origin },
}) => {
  const name = unique("preset");
  await page.goto("/console/token?new=1");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);

  await test.step("the preset fills in, and can be changed", async () => {
    await choose(page, "Test/Dev");
    await expect(dialog.getByRole("button", { name: /^Quota/ })).toContainText("$1.00 a day, $10.00 a month");
    await expect(dialog.getByRole("combobox", { name: "Expires" })).toHaveValue("In 90 days");
    await expect(dialog.getByLabel("Name"), "what was typed stays").toHaveValue(name);
    await unfold(page, "Quota");
    await dialog.getByRole("textbox", { name: "Requests a day" }).fill("2");
    await expectReadable(page);
    await dialog.getByRole("button", { name: "Confirm Creation" }).click();
    await expect(dialog).toContainText("$1.00 a day, 2 requests a day, $10.00 a month");
  });
  const key = await takeKey(page);
  await expect(cell(page, name, "Quota")).toContainText("$0.00 of $1.00 today");

  await test.step("two calls fit, the third is refused, and the row says why", async () => {
    for (const status of [200, 200, 402]) expect(await chat(origin, key)).toMatchObject({ status });
    await page.reload();
    await expect(cell(page, name, "Status")).toContainText("refused");
    await expect(cell(page, name, "Status")).toContainText("daily requests used up");
    await cell(page, name, "Quota").getByRole("link").focus();
    await expect(page.getByRole("tooltip"), "all caps, by keyboard too").toContainText("2 of 2 requests today");
    await expect(page.getByRole("tooltip")).toContainText(/\$9\.\d+ left, resets in/);
    await expectReadable(page);
  });

  await test.step("the drawer says it in the gateway's words", async () => {
    await page.keyboard.press("Enter");
    const drawer = page.getByRole("dialog", { name });
    await expect(drawer).toContainText("daily quota of 2 requests is used up");
    await expect(drawer.getByRole("list", { name: "Quota" }).getByRole("listitem")).toHaveCount(3);
    await drawer.getByRole("button", { name: "Edit" }).click();
  });

  await test.step("raised by one, one more call fits", async () => {
    const edit = page.getByRole("dialog", { name: "Edit key" });
    await edit.getByRole("button", { name: /^Quota/ }).click();
    await edit.getByRole("textbox", { name: "Requests a day" }).fill("3");
    await edit.getByRole("button", { name: "Save" }).click();
    await expect(edit).toBeHidden();
    await page.keyboard.press("Escape");
    await expect(cell(page, name, "Status")).toHaveText("active");
    expect(await chat(origin, key)).toMatchObject({ status: 200 });
    expect(await chat(origin, key)).toMatchObject({ status: 402, code: "insufficient_quota" });
  });
});

test("a third party's key may use the model it was given, and no other endpoint", async ({
  page,
  gateway: { origin },
}) => {
  const name = unique("third party");
  await page.goto("/console/token?new=1");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await choose(page, "Third-party");
  await expect(dialog.getByRole("button", { name: /^Permissions/ })).toContainText("echo, chat");
  await dialog.getByRole("button", { name: "Confirm Creation" }).click();
  const key = await takeKey(page);
  expect(await chat(origin, key)).toMatchObject({ status: 200 });
  expect(await chat(origin, key, "Hello!", "gpt-4o")).toMatchObject({ status: 403, code: "model_not_allowed" });
});

test("what the gateway refuses stands at its field, and opens the part it is in", async ({ page }) => {
  await page.goto("/console/token?new=1");
  const dialog = page.getByRole("dialog");
  await unfold(page, "Permissions");
  await dialog.getByLabel("Client addresses").fill("10.0.0.0/33");
  await page.keyboard.press("Enter");
  await unfold(page, "Permissions");
  await expect(dialog.getByLabel("Client addresses")).toBeHidden();
  await dialog.getByRole("button", { name: "Confirm Creation" }).click();
  await expect(dialog.getByLabel("Client addresses")).toHaveAccessibleDescription(/is no address/);
  await dialog.getByLabel("Client addresses").press("Backspace");

  await unfold(page, "Quota");
  await dialog.getByRole("textbox", { name: "USD in total" }).fill("0.1234567890123456");
  await expect(dialog.getByRole("textbox", { name: "USD in total" }), "no finer than a picodollar").toHaveValue(
    "$0.123456789012",
  );
  await dialog.getByRole("textbox", { name: "USD in total" }).fill("123456.123456789123");
  await dialog.getByRole("button", { name: "Confirm Creation" }).click();
  await expect(dialog.getByText(/USD in total: These are more digits than can be kept/)).toBeVisible();
});

test("rotate: the successor works at once, the old key until it is disabled, both on one quota", async ({
  page,
  gateway: { origin },
}) => {
  const name = unique("rotate");
  const old = await makeKey(page.request, { name, quota: { daily_requests: 3 } });
  expect(await chat(origin, old.key)).toMatchObject({ status: 200 });

  const rotate = async (masked: string, overlap: string) => {
    await page.goto(`/console/token?q=${encodeURIComponent(name)}`);
    await page
      .getByRole("row")
      .filter({ hasText: masked })
      .getByRole("button", { name: `More for ${name}` })
      .click();
    await page.getByRole("menuitem", { name: "Rotate" }).click();
    await page.getByRole("radio", { name: overlap }).check();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate key" }).click();
    return takeKey(page);
  };

  const second = await rotate(old.masked, "After 1 hour");
  const oldRow = page.getByRole("row").filter({ hasText: old.masked });
  await expect(oldRow).toContainText(/disabled in (59|60) minutes|disabled in 1 hour/);
  expect(await chat(origin, old.key)).toMatchObject({ status: 200 });
  expect(await chat(origin, second)).toMatchObject({ status: 200 });
  expect(await chat(origin, second), "what the old key used counts").toMatchObject({ status: 402 });

  await test.step("each leads to the other", async () => {
    await oldRow.getByRole("link", { name, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "keep it" }).click();
    await expect(page.getByRole("dialog"), "the end can be taken back").not.toContainText("To be disabled");
    await page.getByRole("dialog").getByRole("link", { name: "the key after it" }).click();
    await expect(page.getByRole("dialog")).toContainText(`${second.slice(0, 8)}···${second.slice(-4)}`);
    await expect(page.getByRole("dialog").getByRole("link", { name: "the key before it" })).toBeVisible();
    await page.keyboard.press("Escape");
  });

  await test.step("disabled now, its next request fails", async () => {
    await rotate(`···${second.slice(-4)}`, "Now: its next request fails");
    expect(await chat(origin, second)).toMatchObject({ status: 401, code: "api_key_disabled" });
    await page.reload();
    await expect(page.getByRole("row").filter({ hasText: `···${second.slice(-4)}` })).toContainText("disabled");
  });
});

test("a balance that is used up is topped up, and the account's keys work again", async ({
  browser,
  page,
  gateway: { origin },
}) => {
  const username = unique("payer").replace(" ", "-");
  await page.goto("/console/account?new=1");
  const form = page.getByRole("dialog");
  await form.getByLabel("Username").fill(username);
  await form.getByLabel(/^Password/).fill(PASSWORD);
  await unfold(page, "Quota");
  await form.getByRole("textbox", { name: "USD in total" }).fill("0.000001");
  await form.getByRole("button", { name: "Create account" }).click();
  await expect(form).toBeHidden();

  const member = await browser.newContext({
    baseURL: origin,
    storageState: await logIn(origin, { username, password: PASSWORD }),
  });
  const { key } = await makeKey(member.request, { name: "theirs" });
  expect(await chat(origin, key)).toMatchObject({ status: 402, code: "insufficient_quota" });

  await page.goto(`/console/account?q=${username}`);
  await expect(cell(page, username, "Quota")).toContainText("$0.00 of $0.000001 in total");
  await page.getByRole("button", { name: `Top up ${username}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Top up" }).click();
  await expect(dialog.getByText("Write an amount above 0.")).toBeVisible();
  await expectReadable(page);
  await dialog.getByLabel("Amount, in USD").fill("2.5");
  await dialog.getByRole("button", { name: "Top up" }).click();
  await expect(page.getByText("$2.500001 is left now.")).toBeVisible();
  expect(await chat(origin, key)).toMatchObject({ status: 200 });
  await page.goto("/console/audit");
  await expect(page.getByRole("row").filter({ hasText: username }).first()).toContainText("2.500001");
  await member.close();
});

test("an account without a cap has no balance to top up", async ({ page }) => {
  const username = unique("free").replace(" ", "-");
  await makeAccount(page.request, { username, password: PASSWORD, role: "member" });
  await page.goto(`/console/account?q=${username}`);
  await expect(cell(page, username, "Quota")).toHaveText("no cap");
  await expect(page.getByRole("button", { name: `Top up ${username}` })).toHaveCount(0);
});

test("policies hold for keys made from now on", async ({ page }) => {
  const save = async () => {
    await page.getByRole("button", { name: "Save policies" }).click();
    await expect(page.getByText("Policies saved.").first()).toBeVisible();
    await expect(page.getByRole("button", { name: "Save policies" })).toBeDisabled();
  };
  await page.goto("/console/setting");
  await expect(page.getByText("Data directory")).toBeVisible();

  await test.step("a lifetime of no days is refused at its field", async () => {
    await page.getByLabel("Longest lifetime, in days").fill("0");
    await page.getByRole("button", { name: "Save policies" }).click();
    await expect(page.getByLabel("Longest lifetime, in days")).toHaveAccessibleDescription(/1 to 36500/);
  });
  await page.getByLabel("Longest lifetime, in days").fill("30");
  await page.getByLabel("Requests a day").fill("7");
  await save();

  await test.step("a key without its own gets the longest lifetime and the default quota", async () => {
    await page.goto("/console/token?new=1");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(unique("policy"));
    await dialog.getByRole("button", { name: "Confirm Creation" }).click();
    await expect(dialog).toContainText(/Works until .* · 7 requests a day/);
    await takeKey(page);
  });

  await test.step("a longer life is refused at its field", async () => {
    await page.goto("/console/token?new=1");
    await choose(page, "Test/Dev");
    await page.getByRole("dialog").getByRole("button", { name: "Confirm Creation" }).click();
    await expect(page.getByRole("combobox", { name: "Expires" })).toHaveAccessibleDescription(/30 days at most/);
  });

  await page.goto("/console/setting");
  await expect(page.getByLabel("Longest lifetime, in days")).toHaveValue("30");
  await page.getByLabel("Longest lifetime, in days").fill("");
  await page.getByLabel("Requests a day").fill("");
  await save();
});

test("keys worth a look are counted and marked", async ({ page }) => {
  const name = unique("open");
  await makeKey(page.request, { name });
  await page.goto(`/console/token?q=${encodeURIComponent(name)}`);
  await expect(page.getByText("Worth a look: 1 with no limit · 1 with no expiry")).toBeVisible();
  await expect(cell(page, name, "Quota").getByRole("img")).toHaveAccessibleName(/Neither a quota nor a rate limit/);
  await row(page, name).getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("dialog")).toContainText("It never expires");
});
