// A list in its four states: loading, empty, error, full.
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { FailureNotice } from "./FailureNotice";

interface ListingProps<Answer extends { items: unknown[] }> {
  query: UseQueryResult<Answer>;
  empty: ReactNode;
  /** Draws the rows, or with `undefined` the places where they will be. */
  children: (answer: Answer | undefined) => ReactNode;
}

export function Listing<Answer extends { items: unknown[] }>({ query, empty, children }: ListingProps<Answer>) {
  if (query.isError) return <FailureNotice error={query.error} retry={() => query.refetch()} />;
  if (query.data?.items.length === 0) return empty;
  return children(query.data);
}
