// The changes of an audit entry in words: `status: active → disabled`.

function word(value: unknown): string {
  if (value == null || value === "") return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function writeChanges(changes: unknown): string[] {
  if (changes === null || typeof changes !== "object") return [];
  return Object.entries(changes).map(([field, change]) =>
    Array.isArray(change) && change.length === 2
      ? `${field}: ${word(change[0])} → ${word(change[1])}`
      : `${field}: ${word(change)}`,
  );
}
