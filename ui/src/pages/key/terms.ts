// What a new key may do, in a line; also what the gateway's policies gave it and nobody typed.
import type { Key, Model } from "../../api/schema";
import { formatDate } from "../../components/format/time";
import { writeQuota, writeRate } from "../../components/limits/limitWords";
import { firstServed } from "../../components/snippetCode";
import { writePermissions } from "./permissionWords";

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

/** The model to show the key's first call with: one that it may use. */
export function modelFor(allowed: string[], models: Model[] | undefined): string {
  const named = allowed.find((name) => !/[*?[{]/.test(name));
  return named ?? firstServed(models);
}
