// What a view shows is in its URL, so that any view can be sent.
import { useCallback } from "react";
import { useSearchParams } from "react-router";

export type Changes = Record<string, string | number | null>;

/** Blank and `null` remove a parameter, so that a URL names only what is not the default. */
export function changed(params: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, String(value));
  }
  return next;
}

/** A new filter starts at the first page again. */
export const filtered = (params: URLSearchParams, changes: Changes): URLSearchParams =>
  changed(params, { page: null, cursor: null, ...changes });

/** A page number of the URL; anything else is the first. */
export function pageNumber(text: string | null): number {
  const page = Number(text);
  return Number.isInteger(page) && page > 0 ? page : 1;
}

/** One of the words a parameter may have, or none. */
export const oneOf = <Word extends string>(text: string | null, words: readonly Word[]): Word | "" =>
  words.find((word) => word === text) ?? "";

export function useUrlState() {
  const [params, setParams] = useSearchParams();
  const set = useCallback((changes: Changes) => setParams((before) => changed(before, changes)), [setParams]);
  const filter = useCallback(
    (changes: Changes) => setParams((before) => filtered(before, changes), { replace: true }),
    [setParams],
  );
  return { params, get: (name: string) => params.get(name) ?? "", set, filter };
}
