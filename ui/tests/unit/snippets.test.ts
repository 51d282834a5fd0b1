import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { firstServed, SNIPPETS, type SnippetFor, snippetsFor } from "../../src/components/snippetCode.ts";

const call: SnippetFor = { origin: "http://127.0.0.1:3000", secret: "sk-real200-AbC", model: "echo" };

const every = SNIPPETS.flatMap(({ name, write }) =>
  Object.entries(write).map(([language, code]) => ({ title: `${name} in ${language}`, language, code })),
);
const inLanguages = every.filter(({ language }) => language !== "Shell");

const curl = (given: SnippetFor) => every.find(({ language }) => language === "Shell")?.code(given) ?? "";

/** The arguments that a shell hands to `curl` when the snippet is pasted into it. */
function pasted(snippet: string): string[] {
  const printer = `curl() { printf '%s\\0' "$@"; }\n${snippet}`;
  return execFileSync("sh", ["-c", printer], { encoding: "utf8", env: { REAL200_KEY: "sk-real200-own" } })
    .split("\0")
    .slice(0, -1);
}

describe("curl", () => {
  test("asks the model with the key", () => {
    const args = pasted(curl(call));
    expect(args[0]).toBe("http://127.0.0.1:3000/v1/chat/completions");
    expect(args).toContain("Authorization: Bearer sk-real200-AbC");
    expect(JSON.parse(args.at(-1) ?? "")).toMatchObject({ model: "echo", messages: [{ role: "user" }] });
  });

  test("takes the key from the environment where none is given", () => {
    expect(pasted(curl({ ...call, secret: null }))).toContain("Authorization: Bearer sk-real200-own");
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
    expect(JSON.parse(pasted(curl({ ...call, model })).at(-1) ?? "").model).toBe(model),
  );
});

describe.each(inLanguages)("the $title", ({ language, code }) => {
  test.each(['say "hi"', "it's", "back\\slash", "new\nline"])("has a model called %s as one string", (model) => {
    const assigned = language === "Python" ? `model=${JSON.stringify(model)},` : `model: ${JSON.stringify(model)},`;
    expect(code({ ...call, model })).toContain(assigned);
  });

  test("has the key, or where it is in the environment", () => {
    expect(code(call)).toContain('"sk-real200-AbC"');
    const own = code({ ...call, secret: null });
    expect(own).toContain(language === "Python" ? 'os.environ["REAL200_KEY"]' : "process.env.REAL200_KEY");
    expect(own).not.toContain("null");
  });

  test("parses", () => {
    const given = { ...call, model: 'say "hi"' };
    for (const secret of [call.secret, null]) {
      const text = code({ ...given, secret });
      if (language === "Python") execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.argv[1])", text]);
      else execFileSync("node", ["--input-type=module", "--check"], { input: text });
    }
  });
});

test("each SDK gets the address that it adds its paths to", () => {
  const secure = { ...call, origin: "https://llm.example.org" };
  const addresses = inLanguages.map(({ code }) => /https:[^"]*/.exec(code(secure))?.[0]);
  const [openai, bare] = ["https://llm.example.org/v1", "https://llm.example.org"];
  expect(addresses).toEqual([openai, openai, bare, bare, bare, bare]);
});

test("a key is shown the calls that it may make", () => {
  expect(snippetsFor([])).toEqual(SNIPPETS);
  expect(snippetsFor(["chat"]).map(({ name }) => name)).toEqual(["curl", "OpenAI SDK"]);
  expect(snippetsFor(["embeddings"])).toEqual([]);
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
