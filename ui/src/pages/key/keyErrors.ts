// A refused field's message at the field of the key form that it is about.
import { fieldErrors } from "../../components/fieldErrors";
import { FIELDS } from "./keyForm";

/** The gateway speaks of `expires_at`; the form asks for it in a field of its own. */
export function keyErrors(error: unknown): Record<string, string> {
  const { expires_at, ...errors } = fieldErrors(error, FIELDS);
  return expires_at ? { expiry: expires_at } : errors;
}
