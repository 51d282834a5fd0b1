// A money quota shuts out the models whose price is not known: says so where the quota is entered.
import { Text } from "@mantine/core";
import type { Model } from "../../api/schema";
import { plural } from "../../components/format/count";
import { type QuotaValues, WINDOWS } from "../../components/limits/limitValues";

export function UnpricedHint({ quota, models }: { quota: QuotaValues; models: Model[] | undefined }) {
  const money = WINDOWS.some((window) => quota[`${window}_usd`] !== "");
  const unpriced = models?.filter(({ priced }) => !priced).length ?? 0;
  if (!money || unpriced === 0) return null;
  return (
    <Text size="sm" c="dimmed">
      {plural(unpriced, "model")} here {unpriced === 1 ? "has" : "have"} no price: a key with a cap in USD cannot use{" "}
      {unpriced === 1 ? "it" : "them"}.
    </Text>
  );
}
