// API keys.
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, given, take } from "./client";
import type { Hint, KeyChange, KeyRotation, NewKey } from "./schema";

export type KeyFilter = "active" | "disabled" | "expired";

export interface KeysAsked {
  q?: string;
  status?: KeyFilter | "";
  hint?: Hint | "";
  account_id?: string;
  page?: number;
  page_size?: number;
}

export const keysQuery = (asked: KeysAsked) =>
  queryOptions({
    queryKey: ["keys", asked],
    queryFn: () => take(api.GET("/api/keys", { params: { query: given({ ...asked }) } })),
    placeholderData: keepPreviousData,
  });

export const keyQuery = (id: string) =>
  queryOptions({
    queryKey: ["keys", "one", id],
    queryFn: () => take(api.GET("/api/keys/{id}", { params: { path: { id } } })),
  });

function useKeyMutation<Given, Result>(mutationFn: (given: Given) => Promise<Result>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => cache.invalidateQueries({ queryKey: ["keys"] }) });
}

export const useCreateKey = () => useKeyMutation((body: NewKey) => take(api.POST("/api/keys", { body })));

export const useChangeKey = () =>
  useKeyMutation(({ id, ...body }: KeyChange & { id: string }) =>
    take(api.PATCH("/api/keys/{id}", { params: { path: { id } }, body })),
  );

export const useRotateKey = () =>
  useKeyMutation(({ id, ...body }: KeyRotation & { id: string }) =>
    take(api.POST("/api/keys/{id}/rotate", { params: { path: { id } }, body })),
  );

export const useDeleteKey = () =>
  useKeyMutation((id: string) => take(api.DELETE("/api/keys/{id}", { params: { path: { id } } })));
