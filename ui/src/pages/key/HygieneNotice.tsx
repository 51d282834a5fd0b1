// How many of the keys shown should be looked at; each reason leads to all that have it.
import { Anchor, Text } from "@mantine/core";
import { Fragment } from "react";
import { Link, useSearchParams } from "react-router";
import type { Key } from "../../api/schema";
import { changed } from "../../app/urlState";
import { formatCount } from "../../components/format/count";
import classes from "./HygieneNotice.module.css";
import { countHints, HINT_NAMES } from "./hygiene";

interface HygieneNoticeProps {
  /** Not there yet: its place is kept. */
  keys: Key[] | undefined;
  total: number | undefined;
}

export function HygieneNotice({ keys, total = 0 }: HygieneNoticeProps) {
  const [params] = useSearchParams();
  if (!keys) return <Text className={classes.notice} />;
  const counts = countHints(keys);
  const where = total > keys.length ? " on this page" : "";
  if (counts.length === 0) {
    return (
      <Text className={classes.notice}>{`Every key${where} that works has a limit and an expiry, and is used.`}</Text>
    );
  }
  return (
    <Text className={classes.notice}>
      {`Worth a look${where}: `}
      {counts.map(([hint, count], at) => (
        <Fragment key={hint}>
          {at > 0 && " · "}
          <Anchor inherit component={Link} to={{ search: changed(params, { hint, page: null }).toString() }}>
            {`${formatCount(count)} ${HINT_NAMES[hint]}`}
          </Anchor>
        </Fragment>
      ))}
    </Text>
  );
}
