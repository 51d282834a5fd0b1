// A refused field's message stands at the field.
import { Failure } from "../api/failure";

/** The field of the form that the gateway's answer is about, or is inside of, if it is one of `fields`. */
export function refusedField(error: unknown, fields: readonly string[]): string | undefined {
  const param = Failure.of(error).param ?? "";
  return fields.find((field) => param === field || param.startsWith(`${field}.`) || param.startsWith(`${field}[`));
}

export function fieldErrors(error: unknown, fields: readonly string[]): Record<string, string> {
  const field = refusedField(error, fields);
  return field ? { [field]: Failure.of(error).message } : {};
}
