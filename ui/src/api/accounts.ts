// Accounts: the people who log in.
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, given, take } from "./client";
import type { AccountChange, NewAccount, TopUp } from "./schema";

export const accountsQuery = (asked: { q?: string; page?: number; page_size?: number }) =>
  queryOptions({
    queryKey: ["accounts", asked],
    queryFn: () => take(api.GET("/api/accounts", { params: { query: given({ ...asked }) } })),
    placeholderData: keepPreviousData,
  });

/** One's own, with what is left of its quota. */
export const ownAccountQuery = () =>
  queryOptions({ queryKey: ["accounts", "own"], queryFn: () => take(api.GET("/api/account")) });

function useAccountMutation<Given, Result>(mutationFn: (given: Given) => Promise<Result>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => cache.invalidateQueries({ queryKey: ["accounts"] }) });
}

export const useCreateAccount = () =>
  useAccountMutation((body: NewAccount) => take(api.POST("/api/accounts", { body })));

export const useChangeAccount = () =>
  useAccountMutation(({ id, ...body }: AccountChange & { id: string }) =>
    take(api.PATCH("/api/accounts/{id}", { params: { path: { id } }, body })),
  );

export const useTopUp = () =>
  useAccountMutation(({ id, ...body }: TopUp & { id: string }) =>
    take(api.POST("/api/accounts/{id}/top-up", { params: { path: { id } }, body })),
  );

export const useDeleteAccount = () =>
  useAccountMutation((id: string) => take(api.DELETE("/api/accounts/{id}", { params: { path: { id } } })));
