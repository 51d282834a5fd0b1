import { describe, expect, test } from "vitest";
import { Failure } from "../../src/api/failure.ts";
import { fieldErrors, refusedField } from "../../src/components/fieldErrors.ts";

const refused = (param: string | null) => new Failure(422, "invalid_field", "Too long.", param, "req_1");

describe("the field that a refusal is about", () => {
  test("is marked with the gateway's words", () => {
    expect(fieldErrors(refused("name"), ["name", "quota"])).toEqual({ name: "Too long." });
  });

  test.each(["quota.daily_usd", "quota.", "quota[0]"])("is found by its path %s", (param) => {
    expect(refusedField(refused(param), ["name", "quota"])).toBe("quota");
  });

  test.each(["quotas", "name_of_it", "", null])("is not %j", (param) => {
    expect(refusedField(refused(param), ["name", "quota"])).toBeUndefined();
    expect(fieldErrors(refused(param), ["name", "quota"])).toEqual({});
  });
});

describe("a failure", () => {
  const answer = (status: number) => new Response(null, { status, headers: { "x-request-id": "call_9" } });

  test("has the gateway's own words, code and request id", () => {
    const body = { error: { message: "No.", code: "conflict", param: "name", type: "conflict" } };
    expect(Failure.fromResponse(answer(409), body)).toMatchObject({
      status: 409,
      message: "No.",
      code: "conflict",
      param: "name",
      requestId: "call_9",
    });
  });

  test.each([undefined, null, "<html>", {}, { error: null }, { error: {} }])(
    "has words for the body %j too",
    (body) => {
      const failure = Failure.fromResponse(answer(502), body);
      expect(failure.message).toBe("The gateway answered with status 502.");
      expect(failure.code).toBe("http_502");
    },
  );

  test("is worth another try only when that can help", () => {
    expect(Failure.fromResponse(answer(503), {}).transient).toBe(true);
    expect(Failure.unreachable().transient).toBe(true);
    expect(Failure.fromResponse(answer(404), {}).transient).toBe(false);
  });

  test("ends the session only when it says so", () => {
    expect(new Failure(401, "not_authenticated", "", null, null).loggedOut).toBe(true);
    expect(new Failure(401, "invalid_credentials", "", null, null).loggedOut).toBe(false);
  });

  test("is made of anything that is thrown", () => {
    expect(Failure.of("oops").message).toBe("oops");
    expect(Failure.of(new TypeError("x is null"))).toMatchObject({ message: "x is null", code: "console_error" });
  });
});
