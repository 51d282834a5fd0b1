// Webhooks: an admin adds one, keeps its secret, tests it, and sees that an exceeded quota was told.
import { createHmac } from "node:crypto";
import { chat, makeKey, makeWebhook, row, unique } from "./act";
import { expect, test } from "./gateway";
import { startReceiver } from "./receiver";

test("add, test, hear of an exceeded quota, disable and delete a webhook", async ({ page, gateway: { origin } }) => {
  const name = unique("on-call");
  const receiver = await startReceiver(204);
  let secret = "";
  await page.goto("/console/webhook");

  await test.step("add: what is wrong is said at its field", async () => {
    await page.getByRole("button", { name: "Add Webhook" }).first().click();
    const form = page.getByRole("dialog");
    await form.getByRole("textbox", { name: "Name" }).fill(name);
    await form.getByRole("textbox", { name: "URL" }).fill("http://169.254.169.254/latest/meta-data/");
    await form.getByRole("button", { name: "Add webhook" }).click();
    await expect(form).toContainText("not an address of the public internet");
    await form.getByRole("textbox", { name: "URL" }).fill(receiver.url);
    await form.getByRole("button", { name: "Add webhook" }).click();
  });

  await test.step("the secret is shown once and must be acknowledged", async () => {
    const dialog = page.getByRole("dialog", { name: "The webhook's secret" });
    secret = (await dialog.getByTestId("new-secret").textContent()) ?? "";
    await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "I have stored it" }).click();
    await expect(dialog).toBeHidden();
    await page.reload();
    await expect(row(page, name)).toContainText("active");
    await expect(page.locator("body")).not.toContainText(secret);
  });

  await test.step("test", async () => {
    await page.getByRole("button", { name: `Test ${name}` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Send a test" }).click();
    await expect(dialog).toContainText("delivered");
    await expect(dialog).toContainText("204");
    await dialog.getByRole("button", { name: "Close" }).click();
    await expect(dialog).toBeHidden();
  });

  await test.step("an exceeded quota is told once, signed, and listed", async () => {
    const { key } = await makeKey(page.request, { name, quota: { daily_requests: 1 } });
    await chat(origin, key);
    for (let call = 0; call < 3; call += 1) expect((await chat(origin, key)).code).toBe("insufficient_quota");
    await row(page, name).getByRole("link").click();
    const drawer = page.getByRole("dialog", { name });
    const told = drawer.getByRole("button", { name: /quota\.exceeded.*delivered/ });
    // Other tests use up quotas meanwhile, and this webhook hears of theirs too.
    const ofThisKey = () =>
      receiver.received.filter(({ body }) => body.includes("quota.exceeded") && body.includes(name));
    await expect.poll(() => ofThisKey().length).toBe(1);
    expect(JSON.parse(ofThisKey()[0]?.body ?? "{}").data.window).toBe("daily");
    await told.first().click();
    await expect(drawer).toContainText('"window"');
    for (const { signature, body } of receiver.received) {
      expect(signature).toBe(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
    }
    await drawer.getByRole("button", { name: "Close" }).click();
  });

  await test.step("edit, disable, and delete once its name is typed", async () => {
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Quota exceeded").uncheck();
    await form.getByRole("button", { name: "Save" }).click();
    await expect(form).toBeHidden();
    await expect(row(page, name).locator('td[data-label="Events"]')).toHaveText(
      "balance.low, channel.down, channel.up, usage.implausible",
    );
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Disable" }).click();
    await expect(row(page, name)).toContainText("disabled");
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill(name);
    await dialog.getByRole("button", { name: "Delete webhook" }).click();
    await expect(row(page, name)).toHaveCount(0);
  });
  await receiver.stop();
});

test("a test that fails shows what came back", async ({ page }) => {
  const receiver = await startReceiver(503);
  const { id } = await makeWebhook(page.request, {
    name: unique("failing"),
    url: receiver.url,
    events: ["balance.low"],
  });
  await page.request.post(`/api/webhooks/${id}/test`);
  await page.goto(`/console/webhook?webhook=${id}`);
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("button", { name: /test.*given up/ }).click();
  await expect(drawer).toContainText("it answered 503: Nobody is on call.");
  await receiver.stop();
});
