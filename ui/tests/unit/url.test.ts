import { describe, expect, test } from "vitest";
import { loginPath, wantedPath } from "../../src/app/returnTo.ts";
import { changed, filtered, oneOf, pageNumber } from "../../src/app/urlState.ts";

describe("the way back after log-in", () => {
  test.each(["/", "/token", "/log?key_id=key_1&status=error", "/token?q=a%26b%20%23c"])("leads to %s", (wanted) => {
    expect(wantedPath(loginPath(wanted).slice("/login".length))).toBe(wanted);
  });

  test.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "evil.example",
    "",
  ])("never to %j", (wanted) => {
    expect(wantedPath(`?return=${encodeURIComponent(wanted)}`)).toBe("/");
  });

  test("is the overview when nothing was wanted", () => {
    expect(wantedPath("")).toBe("/");
    expect(loginPath("/")).toBe("/login");
  });
});

describe("what a view shows", () => {
  const params = new URLSearchParams("q=a&page=3&cursor=c");

  test("blank and null leave the URL, zero stays in it", () => {
    expect(changed(params, { q: "", page: null, n: 0 }).toString()).toBe("cursor=c&n=0");
  });

  test("a new filter starts at the first page and the newest", () => {
    expect(filtered(params, { status: "ok" }).toString()).toBe("q=a&status=ok");
  });

  test("the parameters at hand are not changed", () => {
    filtered(params, { q: "other" });
    expect(params.toString()).toBe("q=a&page=3&cursor=c");
  });

  test.each([
    ["2", 2],
    ["0", 1],
    ["-1", 1],
    ["1.5", 1],
    ["1e400", 1],
    ["two", 1],
    ["", 1],
    [null, 1],
  ])("the page of %j is %d", (text, page) => expect(pageNumber(text)).toBe(page));

  test("only a word that there is", () => {
    expect(oneOf("ok", ["ok", "error"])).toBe("ok");
    expect(oneOf("toString", ["ok", "error"])).toBe("");
    expect(oneOf(null, ["ok"])).toBe("");
  });
});
