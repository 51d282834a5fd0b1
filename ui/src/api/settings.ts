// What the gateway runs with, and the policies for new keys.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "./client";
import type { SettingsChange } from "./schema";

export const settingsQuery = () =>
  queryOptions({ queryKey: ["settings"], queryFn: () => take(api.GET("/api/settings")) });

export function useChangeSettings() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: SettingsChange) => take(api.PATCH("/api/settings", { body })),
    onSuccess: (settings) => cache.setQueryData(settingsQuery().queryKey, settings),
  });
}
