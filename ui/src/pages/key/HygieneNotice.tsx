// How many of the keys shown should be looked at.
import { Text } from "@mantine/core";
import type { Key } from "../../api/schema";
import { formatCount } from "../../components/format/count";
import { useNow } from "../../components/useNow";
import classes from "./HygieneNotice.module.css";
import { countHints, HINT_NAMES } from "./hygiene";

export function HygieneNotice({ keys, total }: { keys: Key[] | undefined; total: number | undefined }) {
  const counts = countHints(keys ?? [], useNow());
  if (counts.length === 0) return keys ? null : <div className={classes.notice} />;
  const words = counts.map(([hint, count]) => `${formatCount(count)} ${HINT_NAMES[hint]}`).join(" · ");
  return (
    <Text className={classes.notice}>
      {keys && total && total > keys.length ? "Worth a look on this page: " : "Worth a look: "}
      {words}
    </Text>
  );
}
