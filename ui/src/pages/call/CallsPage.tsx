// The call log: one request a view, newest first, older ones by cursor.
import { Button, Switch } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { callsQuery, exportLink } from "../../api/calls";
import { oneOf, useUrlState } from "../../app/urlState";
import { CursorPages } from "../../components/CursorPages";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { timeRange } from "../../components/range/timeRange";
import { useSteadyNow } from "../../components/range/useSteadyNow";
import { CallDrawer } from "./CallDrawer";
import { CallFilters } from "./CallFilters";

import { CallsTable } from "./CallsTable";
import { CALL_STATUSES, callKey } from "./callStatus";
import { NoCalls } from "./NoCalls";

const PAGE_SIZE = 50;
const LIVE_EVERY = 4000;

export function CallsPage() {
  const url = useUrlState();
  const now = useSteadyNow(url.params.get("range"));
  const filter = {
    ...timeRange(url.params, now),
    key_id: url.get("key_id"),
    account_id: url.get("account_id"),
    channel_id: url.get("channel_id"),
    model: url.get("model"),
    status: oneOf(url.params.get("status"), CALL_STATUSES),
  };
  const cursor = url.get("cursor");
  const live = url.get("live") !== "" && !cursor;
  const calls = useQuery({
    ...callsQuery({ ...filter, cursor, limit: PAGE_SIZE }),
    refetchInterval: live ? LIVE_EVERY : false,
  });
  const items = calls.data?.items;
  const opened = url.get("call");
  const ofKey = items?.find((call) => call.key_id === filter.key_id);

  return (
    <Page
      title="Call Logs"
      about="Every request through this gateway, with what it used and cost."
      action={
        <>
          <Switch
            label="Live"
            checked={live}
            disabled={cursor !== ""}
            onChange={(event) => url.set({ live: event.currentTarget.checked ? 1 : null })}
            my="auto"
            mr="sm"
          />
          <Button
            component="a"
            href={exportLink(filter)}
            download
            variant="default"
            leftSection={<IconDownload size={16} stroke={1.6} />}
          >
            Export CSV
          </Button>
        </>
      }
    >
      <CallFilters keyName={ofKey ? callKey(ofKey) : "this key"} />
      <Panel flush>
        <Listing query={calls} empty={<NoCalls narrowed={Object.values(filter).some(Boolean) || cursor !== ""} />}>
          {(answer) => (
            <>
              <CallsTable
                calls={answer?.items}
                stale={calls.isPlaceholderData}
                onOpen={(call) => url.set({ call: call.id })}
              />
              <CursorPages cursor={cursor} next={answer?.next_cursor ?? null} />
            </>
          )}
        </Listing>
      </Panel>
      <CallDrawer
        id={opened}
        listed={items?.find((call) => call.id === opened)}
        onClose={() => url.set({ call: null })}
      />
    </Page>
  );
}
