import { expect, test } from "vitest";
import { formatCount, formatShort, plural } from "../../src/components/format/count.ts";

test.each([
  [0, "0"],
  [999, "999"],
  [12_345, "12,345"],
  [99_999, "99,999"],
  [100_000, "100K"],
  [123_456, "123K"],
  [999_499, "999K"],
  [999_999, "1M"],
  [1_234_567, "1.23M"],
  [12_345_678_901, "12.3B"],
])("%d tokens are %s", (tokens, text) => expect(formatShort(tokens)).toBe(text));

test("a count is exact however large it is", () => {
  expect(formatCount(1_234_567_890)).toBe("1,234,567,890");
});

test.each([
  [0, "0 calls"],
  [1, "1 call"],
  [1000, "1,000 calls"],
])("%d of a thing", (n, text) => expect(plural(n, "call")).toBe(text));

test("a plural of its own", () => {
  expect(plural(2, "entry", "entries")).toBe("2 entries");
});
