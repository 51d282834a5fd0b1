// One cache for all that the gateway answered. A 401 anywhere ends the session in the cache, which leads to the log-in page.
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { Failure } from "./failure";

function endSession(error: unknown) {
  if (error instanceof Failure && error.loggedOut) queryClient.setQueryData(["session"], null);
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: endSession }),
  mutationCache: new MutationCache({ onError: endSession }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (count, error) => count < 1 && Failure.of(error).transient,
      refetchOnWindowFocus: true,
    },
  },
});
