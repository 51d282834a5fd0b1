// Where to go after log-in: the page that was wanted, and only ever a page of this console.

export const loginPath = (wanted: string): string =>
  wanted === "/" ? "/login" : `/login?return=${encodeURIComponent(wanted)}`;

export function wantedPath(search: string): string {
  const wanted = new URLSearchParams(search).get("return") ?? "/";
  return /^\/(?![/\\])/.test(wanted) ? wanted : "/";
}
