import { expect, test } from "vitest";
import type { Channel } from "../../src/api/schema";
import { channelState, credentialsText, formatErrorRate } from "../../src/pages/channel/channelState.ts";
import { health } from "./rows.ts";

const channel = (
  changed: Partial<Channel["health"]>,
  rest: Partial<Channel> = {},
): Parameters<typeof channelState>[0] => ({
  status: "active",
  credential_state: "sealed",
  health: { ...health, ...changed },
  ...rest,
});

test.each([
  [channel({}), "active"],
  [channel({ state: "cooling" }), "failing, at rest"],
  [channel({ state: "credential_refused" }), "credential refused"],
  [channel({ rate_limited: [{ model: "m", until: "2026-05-04T10:00:30Z" }] }), "rate limited"],
  [channel({ state: "cooling" }, { credential_state: "unreadable" }), "credential unreadable"],
  [channel({ state: "cooling" }, { status: "disabled" }), "disabled"],
])("a channel's state, case %#", (given, word) => expect(channelState(given).word).toBe(word));

test("a channel says how many of its credentials are in use only where there are several", () => {
  const [good, bad] = [{ state: "healthy" as const }, { state: "refused" as const }];
  expect(credentialsText([bad])).toBeNull();
  expect(credentialsText([good, good])).toBe("2 credentials");
  expect(credentialsText([good, bad, good])).toBe("2 of 3 credentials in use");
});

test("an error rate that is not known is no zero", () => {
  expect(formatErrorRate(null)).toBe("–");
  expect(formatErrorRate(0)).toBe("0%");
  expect(formatErrorRate(0.55)).toBe("55%");
});
