import { describe, expect, test } from "vitest";
import { formatDuration, formatExact, formatRelative } from "../../src/components/format/time.ts";

const NOW = Date.parse("2026-11-24T07:00:00Z");
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const away = (ms: number, short = false) => formatRelative(new Date(NOW + ms).toISOString(), NOW, short);

describe("a time relative to now", () => {
  test.each([
    [0, "just now"],
    [-9 * SECOND, "just now"],
    [3 * SECOND, "just now"],
    [-30 * SECOND, "30 seconds ago"],
    [-59.6 * SECOND, "1 minute ago"],
    [-59.6 * MINUTE, "1 hour ago"],
    [-23.6 * HOUR, "1 day ago"],
    [-45 * DAY, "45 days ago"],
    [-400 * DAY, "1 year ago"],
    [5 * MINUTE, "in 5 minutes"],
  ])("%d ms", (ms, text) => expect(away(ms)).toBe(text));

  test.each([
    [30, "in 30 days"],
    [90, "in 3 months"],
    [365, "in 1 year"],
  ])("an expiry in %d days reads as it was chosen, a moment after", (days, text) => {
    expect(away(days * DAY - 2 * SECOND)).toBe(text);
  });

  test("no unit passes its own size", () => {
    for (let ms = 10 * SECOND; ms < 800 * DAY; ms *= 1.01) {
      expect(away(-ms)).not.toMatch(/^(60 seconds|60 minutes|24 hours|12 months)/);
    }
  });

  test("short, where many stand side by side", () => {
    expect(away(-4 * DAY, true)).toBe("4d ago");
    expect(away(30 * DAY, true)).toBe("in 30d");
  });
});

describe("an exact time names its zone", () => {
  test.each([
    ["UTC", "2026-11-24 07:00:00 UTC"],
    ["Europe/Berlin", "2026-11-24 08:00:00 GMT+1"],
    ["Asia/Kolkata", "2026-11-24 12:30:00 GMT+5:30"],
  ])("%s", (zone, text) => expect(formatExact("2026-11-24T07:00:00Z", zone)).toBe(text));

  test("the hour that comes twice is told apart by its zone", () => {
    expect(formatExact("2026-10-25T00:30:00Z", "Europe/Berlin")).toBe("2026-10-25 02:30:00 GMT+2");
    expect(formatExact("2026-10-25T01:30:00Z", "Europe/Berlin")).toBe("2026-10-25 02:30:00 GMT+1");
  });
});

describe("a duration", () => {
  test.each([
    [0, "0 ms"],
    [0.04, "0 ms"],
    [0.44, "0.4 ms"],
    [9.96, "10 ms"],
    [812.4, "812 ms"],
    [999.7, "1.00 s"],
    [4200, "4.20 s"],
    [9996, "10.0 s"],
    [31_540, "31.5 s"],
    [59_990, "1 min 0 s"],
    [72_000, "1 min 12 s"],
    [119_700, "2 min 0 s"],
  ])("%d ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});
