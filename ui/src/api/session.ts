// Who is logged in; log-in, log-out, set-up and the change of one's own password.
import { type QueryClient, queryOptions, useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { api, take } from "./client";
import { Failure } from "./failure";
import type { NewPassword, NewSession, NewSetup, Session } from "./schema";

async function currentSession(): Promise<Session | null> {
  try {
    return await take(api.GET("/api/session"));
  } catch (error) {
    if (error instanceof Failure && error.status === 401) return null;
    throw error;
  }
}

export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: currentSession, staleTime: 60_000 });

export const setupQuery = queryOptions({ queryKey: ["setup"], queryFn: () => take(api.GET("/api/setup")) });

/** The account that is logged in; only below `RequireSession`. */
export function useViewer() {
  const session = useSuspenseQuery(sessionQuery).data;
  if (!session) throw new Error("Nobody is logged in.");
  return { ...session.account, version: session.version, admin: session.account.role === "admin" };
}

/** Nothing one account has seen stays for the next. */
const forgetAnswers = (cache: QueryClient) =>
  cache.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });

function useStart<Body>(start: (body: Body) => Promise<Session>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: start,
    onSuccess: (session) => {
      forgetAnswers(cache);
      cache.setQueryData(sessionQuery.queryKey, session);
    },
  });
}

export const useLogIn = () => useStart((body: NewSession) => take(api.POST("/api/session", { body })));

export const useSetUp = () => useStart((body: NewSetup) => take(api.POST("/api/setup", { body })));

export function useLogOut() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.DELETE("/api/session")),
    onSuccess: () => {
      forgetAnswers(cache);
      cache.setQueryData(sessionQuery.queryKey, null);
    },
  });
}

export const useChangePassword = () =>
  useMutation({ mutationFn: (body: NewPassword) => take(api.POST("/api/session/password", { body })) });
