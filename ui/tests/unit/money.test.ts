import { describe, expect, test } from "vitest";
import {
  formatCallCost,
  formatCost,
  formatPrice,
  formatUsd,
  formatUsdExact,
  isUnpriced,
} from "../../src/components/format/money.ts";

const PICO = 1e-12;

describe("an amount at a glance", () => {
  test.each([
    [0, "$0.00"],
    [-0, "$0.00"],
    [1, "$1.00"],
    [12.345, "$12.35"],
    [1234567.8, "$1,234,567.80"],
    [0.25, "$0.2500"],
    [0.0123456, "$0.0123"],
    [0.001, "$0.0010"],
    [0.00012345, "$0.00012"],
    [0.0000375, "$0.000038"],
    [PICO, "$0.000000000001"],
    [-2.5, "-$2.50"],
    [-0.0000125, "-$0.000013"],
  ])("%d is %s", (usd, text) => expect(formatUsd(usd)).toBe(text));

  test.each([
    [0.99994, "$0.9999"],
    [0.99995, "$1.00"],
    [0.9999999, "$1.00"],
    [0.00099, "$0.00099"],
    [0.0009999, "$0.0010"],
  ])("%d takes the form that its rounding reaches", (usd, text) => expect(formatUsd(usd)).toBe(text));

  test("no amount but zero looks like zero", () => {
    for (let usd = PICO; usd < 10; usd *= 1.7) expect(Number(formatUsd(usd).slice(1))).toBeGreaterThan(0);
  });
});

describe("an exact amount", () => {
  test.each([
    [0, "$0.00"],
    [PICO, "$0.000000000001"],
    [123456789012 * PICO, "$0.123456789012"],
    [0.1, "$0.10"],
    [0.1 + 0.2, "$0.30"],
    [1000.000000000001, "$1,000.000000000001"],
    [-3 * PICO, "-$0.000000000003"],
  ])("%d is %s to the last picodollar", (usd, text) => expect(formatUsdExact(usd)).toBe(text));
});

describe("what is not priced is never $0", () => {
  test("a call without a price", () => {
    expect(formatCallCost(null)).toBe("not priced");
    expect(formatCallCost(undefined)).toBe("not priced");
  });

  test("a call that was free is $0: its price is known", () => {
    expect(formatCallCost(0)).toBe("$0.00");
  });

  test("calls of which nothing is known", () => {
    expect(formatCost({ cost_usd: 0, unpriced_requests: 3 })).toBe("not priced");
    expect(isUnpriced({ cost_usd: 0, unpriced_requests: 3 })).toBe(true);
  });

  test("some of many calls", () => {
    expect(formatCost({ cost_usd: 1.5, unpriced_requests: 2000 })).toBe("$1.50 + 2,000 not priced");
    expect(isUnpriced({ cost_usd: 1.5, unpriced_requests: 2000 })).toBe(false);
  });

  test("no call at all has cost $0", () => {
    expect(formatCost({ cost_usd: 0, unpriced_requests: 0 })).toBe("$0.00");
  });

  test("exactly, when asked", () => {
    expect(formatCost({ cost_usd: 0.0000375, unpriced_requests: 0 }, formatUsdExact)).toBe("$0.0000375");
    expect(formatCallCost(0.0000375, formatUsdExact)).toBe("$0.0000375");
  });
});

test("a price per million tokens keeps every digit, and says nothing where there is none", () => {
  expect([0.0375, 2.5, 0, 15, 0.0000001].map(formatPrice)).toEqual([
    "$0.0375",
    "$2.50",
    "$0.00",
    "$15.00",
    "$0.0000001",
  ]);
  expect(formatPrice(null)).toBe("—");
});
