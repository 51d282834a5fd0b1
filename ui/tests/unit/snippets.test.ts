import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { curlSnippet, firstServed, nodeSnippet, pythonSnippet } from "../../src/components/snippetCode.ts";

const call = { origin: "http://127.0.0.1:3000", secret: "sk-real200-AbC", model: "echo" };

/** The arguments that a shell hands to `curl` when the snippet is pasted into it. */
function pasted(snippet: string): string[] {
  const printer = `curl() { printf '%s\\0' "$@"; }\n${snippet}`;
  return execFileSync("sh", ["-c", printer], { encoding: "utf8", env: { REAL200_KEY: "sk-real200-own" } })
    .split("\0")
    .slice(0, -1);
}

describe("curl", () => {
  test("asks the model with the key", () => {
    const args = pasted(curlSnippet(call));
    expect(args[0]).toBe("http://127.0.0.1:3000/v1/chat/completions");
    expect(args).toContain("Authorization: Bearer sk-real200-AbC");
    expect(JSON.parse(args.at(-1) ?? "")).toMatchObject({ model: "echo", messages: [{ role: "user" }] });
  });

  test("takes the key from the environment where it is written so", () => {
    const args = pasted(curlSnippet({ ...call, secret: "$REAL200_KEY" }));
    expect(args).toContain("Authorization: Bearer sk-real200-own");
  });

  test.each([
    "it's",
    "a'b'c",
    "'; touch pwned; '",
    "$(id) `id` $HOME",
    'say "hi"',
    "back\\slash",
    "qwen/qwen3:8b",
    "模型",
  ])("a model called %s reaches the gateway as it is", (model) =>
    expect(JSON.parse(pasted(curlSnippet({ ...call, model })).at(-1) ?? "").model).toBe(model),
  );
});

describe("Python and Node", () => {
  test.each(['say "hi"', "it's", "back\\slash", "new\nline"])("a model called %s stays one string", (model) => {
    expect(pythonSnippet({ ...call, model })).toContain(`model=${JSON.stringify(model)},`);
    expect(nodeSnippet({ ...call, model })).toContain(`model: ${JSON.stringify(model)},`);
  });

  test("call the address that the console is open at", () => {
    const secure = { ...call, origin: "https://llm.example.org" };
    expect(pythonSnippet(secure)).toContain('base_url="https://llm.example.org/v1", api_key="sk-real200-AbC"');
    expect(nodeSnippet(secure)).toContain('baseURL: "https://llm.example.org/v1", apiKey: "sk-real200-AbC"');
  });
});

test("code is shown with the first model that a channel serves", () => {
  expect(
    firstServed([
      { name: "gone", channels: [] },
      { name: "here", channels: ["a"] },
    ]),
  ).toBe("here");
  expect(firstServed([])).toBe("echo");
  expect(firstServed(undefined)).toBe("echo");
});
