// Permissions in words.
import type { Permissions } from "../../api/schema";
import { plural } from "../../components/format/count";

/** `gpt-4o*, 2 endpoints, 1 address`; blank where all is allowed. One is named, more are counted. */
export const writePermissions = ({ models, endpoints, ips }: Permissions): string =>
  [few(models, "model"), few(endpoints, "endpoint"), few(ips, "address", "addresses")].filter(Boolean).join(", ");

function few(list: string[], one: string, many = `${one}s`): string {
  if (list.length === 0) return "";
  return list.length === 1 ? `${list[0]}` : plural(list.length, one, many);
}
