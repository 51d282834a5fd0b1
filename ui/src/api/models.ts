// Served models and their prices.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "./client";
import type { ModelRoutingPatch, NewPrice } from "./schema";

export const modelsQuery = () => queryOptions({ queryKey: ["models"], queryFn: () => take(api.GET("/api/models")) });

function useModelMutation<Given, Result>(mutationFn: (given: Given) => Promise<Result>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => cache.invalidateQueries({ queryKey: ["models"] }) });
}

export const useSetPrice = () =>
  useModelMutation(({ name, price }: { name: string; price: NewPrice }) =>
    take(api.PUT("/api/models/{name}", { params: { path: { name } }, body: price })),
  );

export const useRouteModel = () =>
  useModelMutation(({ name, routing }: { name: string; routing: ModelRoutingPatch }) =>
    take(api.PATCH("/api/models/{name}", { params: { path: { name } }, body: routing })),
  );

export const useRemovePrice = () =>
  useModelMutation((name: string) => take(api.DELETE("/api/models/{name}", { params: { path: { name } } })));
