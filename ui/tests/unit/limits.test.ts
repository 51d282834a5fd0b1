import { describe, expect, test } from "vitest";
import type { Balance, Quota } from "../../src/api/schema.d.ts";
import { formatBytes } from "../../src/components/format/count.ts";
import {
  capProblem,
  isBlank,
  quotaOf,
  quotaValues,
  rateOf,
  rateValues,
} from "../../src/components/limits/limitValues.ts";
import { writeAmount, writeQuota, writeRate } from "../../src/components/limits/limitWords.ts";
import { fullness, linesOf, tightest, writeLine, writeRest } from "../../src/components/limits/standing.ts";
import {
  changeOf as accountChangeOf,
  valuesOf as accountValuesOf,
  newAccountOf,
} from "../../src/pages/account/accountForm.ts";
import { hasBalance, isLow, topUpProblem } from "../../src/pages/account/balance.ts";
import { changeOf as policyChangeOf, valuesOf as policyValuesOf } from "../../src/pages/setting/policyForm.ts";
import { account, balance, quota } from "./rows.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

describe("a quota that is entered", () => {
  test("goes through the form and back, and blank is no cap, never zero", () => {
    const caps = quota({ daily_usd: 0.0375, total_requests: 0 });
    expect(quotaOf(quotaValues(caps))).toEqual(caps);
    expect(quotaOf(quotaValues())).toEqual(quota({}));
    expect(rateOf(rateValues({ rpm: 60 }))).toEqual({
      rpm: 60,
      tpm: null,
      concurrency: null,
      rps: null,
      burst: null,
    });
    expect(rateOf(rateValues({ rps: 0.2, burst: 3 }))).toMatchObject({ rps: 0.2, burst: 3 });
  });

  test("keeps every digit of the text", () => {
    expect(quotaOf({ ...quotaValues(), total_usd: "12.345678901234" }).total_usd).toBe(12.345678901234);
  });

  test("is blank only without any cap: zero is one", () => {
    expect(isBlank(quotaValues())).toBe(true);
    expect(isBlank(quotaValues({ monthly_tokens: 0 }))).toBe(false);
  });

  test.each([
    "",
    0,
    1,
    0.1,
    1e-12,
    "0",
    "00.10",
    "1.",
    "0.0000001",
    "0.000000000001",
    "123456.1234567891",
    "999999999999999",
  ])("%j can be sent", (cap) => expect(capProblem(cap)).toBeNull());

  test.each(["123456.123456789123", "9007199254740993", "0.1234567890123456789", "-", "1e5"])(
    "%j is refused rather than rounded",
    (cap) => expect(capProblem(cap)).not.toBeNull(),
  );
});

describe("limits in words", () => {
  test("of a quota", () => {
    expect(writeQuota(quota({ daily_usd: 1, monthly_tokens: 5000, total_requests: 1 }))).toBe(
      "$1.00 a day, 5,000 tokens a month, 1 request in total",
    );
    expect(writeQuota(quota({}))).toBe("");
  });

  test("of a rate", () => {
    const none = { rpm: null, tpm: null, concurrency: null, rps: null, burst: null };
    expect(writeRate({ ...none, rpm: 60, tpm: 40_000, concurrency: 4 })).toBe(
      "60 requests and 40,000 tokens a minute, 4 at once",
    );
    expect(writeRate({ ...none, rpm: 1 })).toBe("1 request a minute");
    expect(writeRate({ ...none, concurrency: 1 })).toBe("1 at once");
    expect(writeRate({ ...none, rpm: 60, rps: 2, burst: 5 })).toBe(
      "60 requests a minute, 2 requests a second in bursts of 5",
    );
    expect(writeRate({ ...none, rps: 0.2 })).toBe("0.2 requests a second");
    expect(writeRate(none)).toBe("");
  });

  test("of sizes and amounts", () => {
    expect([formatBytes(33_554_432), formatBytes(1000), formatBytes(1)]).toEqual(["32 MiB", "1,000 bytes", "1 byte"]);
    expect([writeAmount(0.0000001, "usd"), writeAmount(2, "requests")]).toEqual(["$0.0000001", "2 requests"]);
  });
});

describe("how a quota stands", () => {
  const stands = (caps: Partial<Quota>, changes: (balance: Balance) => void) => {
    const with_ = balance();
    changes(with_);
    return linesOf(quota(caps), with_);
  };

  test("a line for each cap, with what is used, set aside and left", () => {
    const [daily, total, ...rest] = stands({ daily_usd: 1, total_usd: 10 }, (balance) => {
      balance.used.daily.usd = 0.82;
      balance.used.total.usd = 3;
      balance.reserved.usd = 0.05;
      balance.remaining.daily.usd = 0.13;
      balance.remaining.total.usd = 6.95;
    });
    expect(rest).toEqual([]);
    expect(daily && writeLine(daily)).toBe("$0.8200 of $1.00 today");
    expect(daily && writeRest(daily, NOW)).toBe("$0.05 set aside, $0.13 left, resets in 12 hours");
    expect(total && writeLine(total)).toBe("$3.00 of $10.00 in total");
    expect(total && writeRest(total, NOW), "a total never resets").toBe("$0.05 set aside, $6.95 left");
    const [tokens] = stands({ monthly_tokens: 2_000_000 }, (balance) => {
      balance.used.monthly.tokens = 1_591_173;
      balance.remaining.monthly.tokens = 408_827;
    });
    expect(tokens && writeLine(tokens), "short").toBe("1.59M of 2M tokens this month");
    expect(tokens && writeRest(tokens, NOW), "and to the last").toBe("408,827 tokens left, resets in 7 days");
    expect(daily?.usedShare).toBeCloseTo(0.82);
    expect(daily?.reservedShare).toBeCloseTo(0.05);
  });

  test("bars never leave their track, whatever was booked, and a cap of zero is full", () => {
    const over = stands({ daily_tokens: 100, daily_requests: 0 }, (balance) => {
      balance.used.daily.tokens = 140;
      balance.reserved.tokens = 30;
      balance.remaining.daily.tokens = 0;
      balance.remaining.daily.requests = 0;
    });
    expect(over.map(({ usedShare, reservedShare }) => usedShare + reservedShare)).toEqual([1, 1]);
    expect(over.map(fullness)).toEqual(["full", "full"]);
  });

  test("full is what has nothing left, near is nine tenths", () => {
    const at = (used: number) =>
      stands({ monthly_requests: 10 }, (balance) => {
        balance.used.monthly.requests = used;
        balance.remaining.monthly.requests = 10 - used;
      }).map(fullness)[0];
    expect([at(0), at(8), at(9), at(10)]).toEqual(["free", "free", "near", "full"]);
  });

  test("the tightest is the fullest; unused, the shortest; met, the one that lasts", () => {
    const names = (used: { day: number; total: number }) =>
      tightest(
        stands({ daily_requests: 10, total_requests: 20 }, (balance) => {
          balance.used.daily.requests = used.day;
          balance.used.total.requests = used.total;
          balance.remaining.daily.requests = 10 - used.day;
          balance.remaining.total.requests = 20 - used.total;
        }),
      )?.name;
    expect(names({ day: 2, total: 18 })).toBe("total_requests");
    expect(names({ day: 9, total: 9 })).toBe("daily_requests");
    expect(names({ day: 0, total: 0 })).toBe("daily_requests");
    expect(names({ day: 10, total: 20 })).toBe("total_requests");
    expect(tightest([])).toBeUndefined();
  });
});

describe("an account", () => {
  const anna = account({ quota: quota({ total_usd: 50 }) });

  test("that is changed keeps its quota and password unless they are, lest a top-up be undone", () => {
    const before = accountValuesOf(anna);
    const renamed = accountChangeOf({ ...before, username: "anne" }, before);
    expect(renamed).toMatchObject({ username: "anne" });
    expect(renamed).not.toHaveProperty("quota");
    expect(renamed).not.toHaveProperty("password");
    const capped = accountChangeOf({ ...before, quota: { ...before.quota, daily_usd: 2 } }, before);
    expect(capped.quota).toEqual(quota({ total_usd: 50, daily_usd: 2 }));
  });

  test("that is new has all that was entered", () => {
    const values = { ...accountValuesOf(null), username: "bengt", password: "long enough", quota: quotaValues() };
    expect(newAccountOf(values)).toMatchObject({ username: "bengt", role: "member", quota: quota({}) });
  });

  test("has a balance where its total in USD is capped, be it at nothing", () => {
    expect(hasBalance(anna)).toBe(true);
    expect(hasBalance({ quota: quota({ total_usd: 0 }) })).toBe(true);
    expect(hasBalance({ quota: quota({ monthly_usd: 5 }) })).toBe(false);
  });

  test("has webhooks told of a low balance only where a number was entered, be it zero", () => {
    const values = accountValuesOf(anna);
    expect(newAccountOf(values)).toMatchObject({ balance_low_usd: null });
    expect(newAccountOf({ ...values, balance_low_usd: 0 })).toMatchObject({ balance_low_usd: 0 });
    expect(accountChangeOf({ ...values, balance_low_usd: "2.5" }, values)).toMatchObject({ balance_low_usd: 2.5 });
  });

  test("has a low balance below its threshold, not at it", () => {
    const with_ = balance();
    with_.remaining.total.usd = 5;
    expect(isLow(account({ balance: with_, balance_low_usd: 5 }))).toBe(false);
    expect(isLow(account({ balance: with_, balance_low_usd: 5.01 }))).toBe(true);
    expect(isLow(account({ balance: with_ }))).toBe(false);
    expect(isLow(account({ balance_low_usd: 5 })), "without a cap nothing is left or low").toBe(false);
  });

  test("is topped up by something", () => {
    expect([topUpProblem(""), topUpProblem(0), topUpProblem("0.00")]).not.toContain(null);
    expect([topUpProblem(1), topUpProblem("0.000000000001")]).toEqual([null, null]);
  });
});

test("policies that are blank are none", () => {
  const settings = { key_max_lifetime_days: 30, key_default_quota: quota({ daily_usd: 1 }) };
  const values = policyValuesOf({ ...settings } as Parameters<typeof policyValuesOf>[0]);
  expect(policyChangeOf(values)).toEqual(settings);
  expect(policyChangeOf({ key_max_lifetime_days: "", key_default_quota: quotaValues() })).toEqual({
    key_max_lifetime_days: null,
    key_default_quota: null,
  });
});
