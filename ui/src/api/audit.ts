// The audit table: who changed what, when, from where.
import { queryOptions } from "@tanstack/react-query";
import { api, given, take } from "./client";

export const auditQuery = (asked: { cursor?: string; limit?: number }) =>
  queryOptions({
    queryKey: ["audit", asked],
    queryFn: () => take(api.GET("/api/audit", { params: { query: given({ ...asked }) } })),
  });
