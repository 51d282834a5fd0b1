// Usage over time, by key, model, account or channel.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, given, take } from "./client";

export type UsageBucket = "hour" | "day" | "none";
export type UsageGrouping = "key" | "model" | "account" | "channel";

export interface UsageAsked {
  from: string;
  to?: string;
  bucket: UsageBucket;
  group_by?: UsageGrouping;
}

export const usageQuery = (asked: UsageAsked) =>
  queryOptions({
    queryKey: ["usage", asked],
    queryFn: () => take(api.GET("/api/usage", { params: { query: given({ ...asked }) } })),
    placeholderData: keepPreviousData,
  });

/** What was used since midnight in the gateway's time zone: the day that this moment lies in. */
export const todayQuery = () =>
  queryOptions({
    queryKey: ["usage", "today"],
    queryFn: () =>
      take(api.GET("/api/usage", { params: { query: { from: new Date().toISOString(), bucket: "none" } } })),
  });
