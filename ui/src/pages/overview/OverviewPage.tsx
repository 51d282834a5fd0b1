// The overview: today, the last 24 hours, the newest calls; and what is missing until it is of use.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ownAccountQuery } from "../../api/accounts";
import { callsQuery } from "../../api/calls";
import { useViewer } from "../../api/session";
import { todayQuery, usageQuery } from "../../api/usage";
import { FailureNotice } from "../../components/FailureNotice";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { fillHours, firstHour } from "./buckets";
import { FirstSteps } from "./FirstSteps";
import { HoursPanel } from "./HoursPanel";
import { OwnQuota } from "./OwnQuota";
import { RecentCalls } from "./RecentCalls";
import { TodayStats } from "./TodayStats";
import { useSteps } from "./useSteps";

const HOURS = 24;
const RECENT = 6;
const REFRESH = 30_000;

export function OverviewPage() {
  const viewer = useViewer();
  const [opened] = useState(Date.now);
  const usage = useQuery({
    ...usageQuery({ from: new Date(firstHour(opened, HOURS)).toISOString(), bucket: "hour" }),
    refetchInterval: REFRESH,
  });
  const today = useQuery({ ...todayQuery(), refetchInterval: REFRESH });
  const calls = useQuery({ ...callsQuery({ limit: RECENT }), refetchInterval: REFRESH });
  const { steps, open, unsettled, takeEcho } = useSteps(viewer.admin, calls.data);
  const own = useQuery({ ...ownAccountQuery(), refetchInterval: REFRESH });
  const report = usage.data;
  const now = usage.dataUpdatedAt || opened;

  const error = usage.error ?? today.error ?? calls.error ?? own.error;
  if (error) {
    const retry = () => Promise.all([usage.refetch(), today.refetch(), calls.refetch(), own.refetch()]);
    return (
      <Page title="Overview">
        <Panel flush>
          <FailureNotice error={error} retry={retry} />
        </Panel>
      </Page>
    );
  }
  return (
    <Page title="Overview">
      <div style={{ display: "contents", visibility: unsettled || own.isPending ? "hidden" : "visible" }}>
        {open && <FirstSteps steps={steps} admin={viewer.admin} onTakeEcho={takeEcho} />}
        <TodayStats today={today.data?.total} />
        {own.data && <OwnQuota of={own.data} />}
        <HoursPanel hours={report && fillHours(report.items, now, HOURS)} timeZone={report?.time_zone ?? "UTC"} />
        {calls.data?.items.length !== 0 && <RecentCalls calls={calls.data?.items} expected={RECENT} />}
      </div>
    </Page>
  );
}
