// Channels: the connections to providers.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "./client";
import type { ChannelChange, NewChannel, NewChannelTest, NewDiscovery } from "./schema";

export const channelsQuery = () =>
  queryOptions({ queryKey: ["channels"], queryFn: () => take(api.GET("/api/channels")) });

function useChannelMutation<Given, Result>(mutationFn: (given: Given) => Promise<Result>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: () =>
      Promise.all([
        cache.invalidateQueries({ queryKey: ["channels"] }),
        cache.invalidateQueries({ queryKey: ["models"] }),
      ]),
  });
}

export const useCreateChannel = () =>
  useChannelMutation((body: NewChannel) => take(api.POST("/api/channels", { body })));

export const useChangeChannel = () =>
  useChannelMutation(({ id, ...body }: ChannelChange & { id: string }) =>
    take(api.PATCH("/api/channels/{id}", { params: { path: { id } }, body })),
  );

export const useDeleteChannel = () =>
  useChannelMutation((id: string) => take(api.DELETE("/api/channels/{id}", { params: { path: { id } } })));

/** A test that goes well brings a channel back: what the list says of it may be another then. */
export const useTestChannel = () =>
  useChannelMutation(({ id, ...body }: NewChannelTest & { id: string }) =>
    take(api.POST("/api/channels/{id}/test", { params: { path: { id } }, body })),
  );

/** Asks a provider for its models: that of a channel, by its id, or one whose address is given. */
export const useDiscoverModels = () =>
  useMutation({
    mutationFn: (asked: string | NewDiscovery) =>
      typeof asked === "string"
        ? take(api.POST("/api/channels/{id}/discover", { params: { path: { id: asked } } }))
        : take(api.POST("/api/channels/discover", { body: asked })),
  });
