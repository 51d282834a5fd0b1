// Webhooks: who is told of what happens.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "./client";
import type { NewWebhook, WebhookChange } from "./schema";

/** What is on its way changes by itself: an open list is looked at again. */
const AGAIN_AFTER = 5_000;

export const webhooksQuery = () =>
  queryOptions({ queryKey: ["webhooks"], queryFn: () => take(api.GET("/api/webhooks")) });

export const deliveriesQuery = (id: string) =>
  queryOptions({
    queryKey: ["webhooks", id, "deliveries"],
    queryFn: () => take(api.GET("/api/webhooks/{id}/deliveries", { params: { path: { id } } })),
    refetchInterval: AGAIN_AFTER,
  });

function useWebhookMutation<Given, Result>(mutationFn: (given: Given) => Promise<Result>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => cache.invalidateQueries({ queryKey: ["webhooks"] }) });
}

export const useCreateWebhook = () =>
  useWebhookMutation((body: NewWebhook) => take(api.POST("/api/webhooks", { body })));

export const useChangeWebhook = () =>
  useWebhookMutation(({ id, ...body }: WebhookChange & { id: string }) =>
    take(api.PATCH("/api/webhooks/{id}", { params: { path: { id } }, body })),
  );

export const useDeleteWebhook = () =>
  useWebhookMutation((id: string) => take(api.DELETE("/api/webhooks/{id}", { params: { path: { id } } })));

export const useResendDelivery = () =>
  useWebhookMutation(({ id, deliveryId }: { id: string; deliveryId: string }) =>
    take(
      api.POST("/api/webhooks/{id}/deliveries/{delivery_id}/resend", {
        params: { path: { id, delivery_id: deliveryId } },
      }),
    ),
  );

export const useTestWebhook = () =>
  useWebhookMutation((id: string) => take(api.POST("/api/webhooks/{id}/test", { params: { path: { id } } })));
