import { afterEach, describe, expect, test } from "vitest";
import { localMinute, timeRange } from "../../src/components/range/timeRange.ts";
import { expiresAt, expiryProblem, localDay } from "../../src/pages/key/expiry.ts";
import { fillHours, firstHour } from "../../src/pages/overview/buckets.ts";
import { firstMoment } from "../../src/pages/usage/dayRanges.ts";
import { usageRow } from "./rows.ts";

const asWas = process.env.TZ;
const readerIn = (zone: string) => {
  process.env.TZ = zone;
};
afterEach(() => {
  process.env.TZ = asWas;
  if (asWas === undefined) delete process.env.TZ;
});

const NOW = Date.parse("2026-11-24T07:00:00Z");
const range = (query: string) => timeRange(new URLSearchParams(query), NOW);

describe("the range of a list", () => {
  test("a span goes back from now and has no end", () => {
    expect(range("range=24h")).toEqual({ from: "2026-11-23T07:00:00.000Z", to: "" });
    expect(range("range=1h")).toEqual({ from: "2026-11-24T06:00:00.000Z", to: "" });
  });

  test("none is all time", () => {
    expect(range("")).toEqual({ from: "", to: "" });
  });

  test("two exact times, in whatever zone they are written", () => {
    expect(range("from=2026-11-01T00:00:00%2B01:00&to=2026-11-02T00:00:00Z")).toEqual({
      from: "2026-10-31T23:00:00.000Z",
      to: "2026-11-02T00:00:00.000Z",
    });
  });

  test("what is no time, and what is no span, is left out", () => {
    expect(range("from=soon&to=2026-99-99")).toEqual({ from: "", to: "" });
    expect(range("range=constructor")).toEqual({ from: "", to: "" });
  });

  test("a span wins over exact times, for it was chosen last", () => {
    expect(range("range=1h&from=2020-01-01").from).toBe("2026-11-24T06:00:00.000Z");
  });
});

describe("a time as a field wants it", () => {
  test("is the reader's own minute", () => {
    readerIn("America/New_York");
    expect(localMinute("2026-11-24T03:05:00Z")).toBe("2026-11-23T22:05");
  });

  test("goes through the field and back unchanged, also on the days when the clocks change", () => {
    readerIn("Europe/Berlin");
    for (const at of ["2026-03-29T00:59:00.000Z", "2026-03-29T01:00:00.000Z", "2026-10-25T02:30:00.000Z"]) {
      expect(new Date(Date.parse(localMinute(at))).toISOString()).toBe(at);
    }
  });

  test("stays blank when there is none", () => {
    expect(localMinute("")).toBe("");
  });
});

describe("an expiry", () => {
  test("is never, or so many days from now", () => {
    expect(expiresAt("never", "", NOW)).toBeNull();
    expect(expiresAt("30", "", NOW)).toBe("2026-12-24T07:00:00.000Z");
  });

  test.each([
    ["Europe/Berlin", "2026-10-25", "2026-10-25T22:59:59.999Z"],
    ["Europe/Berlin", "2026-03-29", "2026-03-29T21:59:59.999Z"],
    ["America/New_York", "2026-12-31", "2027-01-01T04:59:59.999Z"],
    ["Pacific/Kiritimati", "2026-12-31", "2026-12-31T09:59:59.999Z"],
  ])("in %s the day %s ends at its own midnight", (zone, day, end) => {
    readerIn(zone);
    expect(expiresAt("date", day, NOW)).toBe(end);
    expect(localDay(end)).toBe(day);
  });

  test("today is a day to choose until it is over where the reader is", () => {
    readerIn("Pacific/Kiritimati");
    const lateInUtc = Date.parse("2026-11-24T11:00:00Z");
    expect(expiryProblem("date", "2026-11-25", lateInUtc)).toBeNull();
    expect(expiryProblem("date", "2026-11-24", lateInUtc)).toBe("This day is over already.");
  });

  test("a day must be chosen, and be one that there is", () => {
    expect(expiryProblem("date", "", NOW)).toBe("Choose a date.");
    expect(expiryProblem("date", "2027-02-31", NOW)).toBe("Choose a date.");
    expect(expiryProblem("date", "2027-13-01", NOW)).toBe("Choose a date.");
    expect(expiryProblem("never", "", NOW)).toBeNull();
  });
});

describe("the hours of the chart", () => {
  test("are whole, and the last is the one that runs", () => {
    expect(new Date(firstHour(Date.parse("2026-11-24T07:59:59Z"), 24)).toISOString()).toBe("2026-11-23T08:00:00.000Z");
  });

  test("that had no call are zero, and errors are no part of what went well", () => {
    const rows = [
      usageRow({ bucket: "2026-11-24T06:00:00Z", requests: 5, errors: 2, total_tokens: 70, cost_usd: 0.5 }),
    ];
    const hours = fillHours(rows, NOW, 3);
    expect(hours.map(({ at }) => at)).toEqual([
      "2026-11-24T05:00:00.000Z",
      "2026-11-24T06:00:00.000Z",
      "2026-11-24T07:00:00.000Z",
    ]);
    expect(hours[1]).toMatchObject({ ok: 3, errors: 2, tokens: 70, cost: 0.5 });
    expect(hours[0]).toMatchObject({ ok: 0, errors: 0, tokens: 0, cost: 0 });
  });

  test("leave out what is older than the chart", () => {
    const old = usageRow({ bucket: "2026-11-23T06:00:00Z", requests: 9 });
    expect(fillHours([old], NOW, 24).every(({ ok }) => ok === 0)).toBe(true);
  });
});

test("the days of the usage page have today as their last", () => {
  expect(firstMoment(1, NOW)).toBe("2026-11-24T07:00:00.000Z");
  expect(firstMoment(7, NOW)).toBe("2026-11-18T07:00:00.000Z");
});
