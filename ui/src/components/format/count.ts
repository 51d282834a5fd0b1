// Counts of tokens and requests: exact where they fit, short where they would not.

const exact = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export const formatCount = (n: number): string => exact.format(n);

/** `12,345` stays exact; from a hundred thousand on `1.23M` is easier to compare. */
export const formatShort = (n: number): string => (Math.abs(n) < 100_000 ? exact.format(n) : short.format(n));

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${exact.format(n)} ${n === 1 ? one : many}`;

const MIB = 1024 * 1024;

/** `32 MiB`, exact: sizes that are set are mostly whole. */
export const formatBytes = (bytes: number): string =>
  bytes % MIB === 0 ? `${exact.format(bytes / MIB)} MiB` : plural(bytes, "byte");
