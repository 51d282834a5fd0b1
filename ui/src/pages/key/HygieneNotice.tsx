// How many of the keys shown should be looked at.
import { Text } from "@mantine/core";
import type { Key } from "../../api/schema";
import { formatCount } from "../../components/format/count";
import { useNow } from "../../components/useNow";
import classes from "./HygieneNotice.module.css";
import { countHints, HINT_NAMES, type Hint } from "./hygiene";

interface HygieneNoticeProps {
  /** Not there yet: its place is kept. */
  keys: Key[] | undefined;
  total: number | undefined;
}

export function HygieneNotice({ keys, total = 0 }: HygieneNoticeProps) {
  const now = useNow();
  return <Text className={classes.notice}>{keys && writeHints(countHints(keys, now), total > keys.length)}</Text>;
}

function writeHints(counts: [Hint, number][], more: boolean): string {
  const where = more ? " on this page" : "";
  if (counts.length === 0) return `Every key${where} that works has a limit and an expiry, and is used.`;
  return `Worth a look${where}: ${counts.map(([hint, count]) => `${formatCount(count)} ${HINT_NAMES[hint]}`).join(" · ")}`;
}
