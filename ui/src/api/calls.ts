// The call log.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, given, take } from "./client";
import type { CallStatus } from "./schema";

export interface CallsFilter {
  from?: string;
  to?: string;
  key_id?: string;
  account_id?: string;
  model?: string;
  channel_id?: string;
  status?: CallStatus | "";
}

export const callsQuery = (asked: CallsFilter & { cursor?: string; limit?: number }) =>
  queryOptions({
    queryKey: ["calls", asked],
    queryFn: () => take(api.GET("/api/logs", { params: { query: given({ ...asked }) } })),
    placeholderData: keepPreviousData,
  });

export const callQuery = (id: string) =>
  queryOptions({
    queryKey: ["calls", "one", id],
    queryFn: () => take(api.GET("/api/logs/{id}", { params: { path: { id } } })),
  });

export function exportLink(filter: CallsFilter): string {
  const query = new URLSearchParams(given({ ...filter }) as Record<string, string>).toString();
  return `/api/logs/export.csv${query && `?${query}`}`;
}
