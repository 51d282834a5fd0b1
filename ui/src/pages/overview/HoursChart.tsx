// The last 24 hours as bars; a chunk of its own, for the chart library is the heaviest part of the console.
import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import { formatCount, formatShort } from "../../components/format/count";
import { formatUsd } from "../../components/format/money";
import type { HourOfUsage } from "./buckets";

export type HoursMeasure = "calls" | "tokens" | "cost";

const series = {
  calls: [
    { name: "ok", label: "Calls", color: "var(--r-series-1)" },
    { name: "errors", label: "Errors", color: "var(--r-bad)" },
  ],
  tokens: [{ name: "tokens", label: "Tokens", color: "var(--r-series-1)" }],
  cost: [{ name: "cost", label: "Cost", color: "var(--r-series-1)" }],
};

const hour = (at: string, timeZone: string) =>
  new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit", timeZone }).format(new Date(at));

interface HoursChartProps {
  hours: HourOfUsage[];
  measure: HoursMeasure;
  timeZone: string;
}

export default function HoursChart({ hours, measure, timeZone }: HoursChartProps) {
  const format = measure === "cost" ? formatUsd : formatCount;
  return (
    <BarChart
      h={220}
      data={hours.map((bucket) => ({ ...bucket, hour: hour(bucket.at, timeZone) }))}
      dataKey="hour"
      type="stacked"
      series={series[measure]}
      valueFormatter={format}
      tickLine="none"
      gridAxis="x"
      gridColor="var(--r-hairline)"
      strokeDasharray="0"
      maxBarWidth={26}
      xAxisProps={{ interval: "equidistantPreserveStart", minTickGap: 20 }}
      yAxisProps={{
        width: 52,
        allowDecimals: measure === "cost",
        tickFormatter: measure === "cost" ? formatUsd : formatShort,
      }}
      barProps={{ isAnimationActive: false, radius: 2 }}
      tooltipAnimationDuration={0}
    />
  );
}
