// What was used over a range, by key, model, account or channel.
import { SegmentedControl, Select } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useViewer } from "../../api/session";
import { type UsageGrouping, usageQuery } from "../../api/usage";
import { oneOf, useUrlState } from "../../app/urlState";
import { Empty } from "../../components/Empty";
import { Filters } from "../../components/Filters";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { useSteadyNow } from "../../components/range/useSteadyNow";
import { DAY_RANGES, firstMoment } from "./dayRanges";
import { UsageBars } from "./UsageBars";
import { UsageTable } from "./UsageTable";
import { UsageTotals } from "./UsageTotals";

const GROUPINGS: { value: UsageGrouping; label: string; admin: boolean }[] = [
  { value: "key", label: "Key", admin: false },
  { value: "model", label: "Model", admin: false },
  { value: "account", label: "Account", admin: true },
  { value: "channel", label: "Channel", admin: true },
];

export function UsagePage() {
  const viewer = useViewer();
  const url = useUrlState();
  const range = DAY_RANGES.find(({ value }) => value === url.get("range")) ?? DAY_RANGES[1];
  const now = useSteadyNow(range.value);
  const groupings = GROUPINGS.filter(({ admin }) => viewer.admin || !admin);
  const grouping =
    oneOf(
      url.params.get("by"),
      groupings.map(({ value }) => value),
    ) || "model";
  const usage = useQuery(usageQuery({ from: firstMoment(range.days, now), bucket: "none", group_by: grouping }));
  return (
    <Page title="Usage" about="Requests, tokens and money over time, also of keys that are deleted.">
      <Filters>
        <SegmentedControl
          aria-label="Grouped by"
          data={groupings}
          value={grouping}
          onChange={(by) => url.filter({ by })}
        />
        <Select
          aria-label="Time range"
          data={DAY_RANGES}
          value={range.value}
          onChange={(next) => url.filter({ range: next })}
          allowDeselect={false}
        />
      </Filters>
      {!usage.isError && <UsageTotals total={usage.data?.total} />}
      <Panel flush>
        <Listing
          query={usage}
          empty={
            <Empty icon={IconChartBar} title="Nothing was used in this time">
              Choose a longer range, or make a call with one of your keys.
            </Empty>
          }
        >
          {(answer) => (
            <>
              <UsageBars rows={answer?.items} />
              <UsageTable rows={answer?.items} grouping={grouping} stale={usage.isPlaceholderData} />
            </>
          )}
        </Listing>
      </Panel>
    </Page>
  );
}
