// Why a key's next call would be refused, in few words for its row. The gateway's own sentence is beside it.
import type { Key } from "../../api/schema";
import { QUOTA_NAMES } from "../../components/limits/limitValues";
import { partsOf } from "../../components/limits/limitWords";

const CODES: Record<string, string> = {
  api_key_disabled: "disabled",
  api_key_expired: "expired",
  account_disabled: "account disabled",
};

export function writeRefusal({ code, param }: NonNullable<Key["refusal"]>): string {
  const [holder, cap] = (param ?? "").split(".");
  const name = QUOTA_NAMES.find((known) => known === cap);
  if (code === "insufficient_quota" && name) {
    const [window, unit] = partsOf(name);
    const whose = holder === "account" ? "account's " : "";
    return `${whose}${window} ${unit === "usd" ? "USD" : unit} used up`;
  }
  return CODES[code] ?? code.replaceAll("_", " ");
}
