// What a new key may do, in a line; also what the gateway's policies gave it and nobody typed.
import type { Key, Model } from "../../api/schema";
import { formatDate } from "../../components/format/time";
import { writeQuota, writeRate } from "../../components/limits/limitWords";
import { firstServed } from "../../components/snippetCode";
import { writePermissions } from "./permissionWords";
import { servedNames } from "./presets";

type Terms = Pick<Key, "expires_at" | "quota" | "rate_limit" | "permissions">;

/** `Works until 24 Dec 2026 · $1.00 a day · 60 requests a minute · gpt-4o*`. */
export const writeTerms = ({ expires_at, quota, rate_limit, permissions }: Terms): string =>
  [
    expires_at ? `Works until ${formatDate(expires_at)}` : "Works until it is disabled",
    writeQuota(quota),
    writeRate(rate_limit),
    writePermissions(permissions),
  ]
    .filter(Boolean)
    .join(" · ");

/** The model to show the key's first call with: one that is served and that it may use, or at least one of the two. */
export function modelFor(allowed: string[], models: Model[] | undefined): string {
  if (allowed.length === 0) return firstServed(models);
  const usable = servedNames(models).find((name) => allowed.some((pattern) => fits(pattern, name)));
  return usable ?? allowed.find((pattern) => !/[*?[{]/.test(pattern)) ?? firstServed(models);
}

/** Stars and question marks, which is what nearly all patterns have; the gateway knows more. */
function fits(pattern: string, name: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(name);
}
