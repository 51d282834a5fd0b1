// Browser tests against the real binary: `npm run e2e`; pictures for the docs: `npm run screens`.
import { defineConfig } from "@playwright/test";

const chromium = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: "tests/e2e",
  outputDir: "test-results",
  workers: 1,
  timeout: 60_000,
  // A busy machine is slower, and that is no fault.
  expect: { timeout: 10_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: "list",
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    actionTimeout: 15_000,
    screenshot: "only-on-failure",
    permissions: ["clipboard-read", "clipboard-write"],
    launchOptions: {
      executablePath: chromium,
      // A root user, as in most CI containers, has no sandbox.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects: [
    { name: "e2e", testIgnore: "**/screens.spec.ts" },
    { name: "screens", testMatch: "**/screens.spec.ts" },
  ],
});
