// Where to go after log-in: the page that was wanted, and only ever a page of this console.

export const loginPath = (wanted: string): string =>
  wanted === "/" ? "/login" : `/login?return=${encodeURIComponent(wanted)}`;

export function wantedPath(search: string): string {
  const wanted = new URLSearchParams(search).get("return") ?? "/";
  // A control character is dropped by the browser when it reads an address: what stands behind it could be a second slash.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /^\/(?![/\\])/.test(wanted) && !/[\u0000-\u001f]/.test(wanted) ? wanted : "/";
}
