// The chart of the last 24 hours, and what it measures.
import { SegmentedControl, Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";
import { oneOf, useUrlState } from "../../app/urlState";
import { Panel } from "../../components/Panel";
import type { HourOfUsage } from "./buckets";

const HoursChart = lazy(() => import("./HoursChart"));
const MEASURES = ["calls", "tokens", "cost"] as const;

interface HoursPanelProps {
  hours: HourOfUsage[] | undefined;
  timeZone: string;
}

export function HoursPanel({ hours, timeZone }: HoursPanelProps) {
  const url = useUrlState();
  const measure = oneOf(url.params.get("chart"), MEASURES) || "calls";
  return (
    <Panel
      title="Last 24 hours"
      action={
        <SegmentedControl
          size="xs"
          aria-label="What the chart shows"
          data={[
            { value: "calls", label: "Calls" },
            { value: "tokens", label: "Tokens" },
            { value: "cost", label: "Cost" },
          ]}
          value={measure}
          onChange={(next) => url.set({ chart: next === "calls" ? null : next })}
        />
      }
    >
      <Suspense fallback={<Skeleton height={220} />}>
        {hours ? <HoursChart hours={hours} measure={measure} timeZone={timeZone} /> : <Skeleton height={220} />}
      </Suspense>
    </Panel>
  );
}
