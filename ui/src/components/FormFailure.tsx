// Why a form was refused, unless the message already stands at its field.
import { Alert } from "@mantine/core";
import { Failure } from "../api/failure";
import { refusedField } from "./fieldErrors";

export function FormFailure({ error, shown = [] }: { error: unknown; shown?: readonly string[] }) {
  if (!error || refusedField(error, shown)) return null;
  const failure = Failure.of(error);
  return (
    <Alert color="red" role="alert">
      {failure.message} <code>{failure.code}</code>
      {failure.requestId && failure.status >= 500 && (
        <>
          {" "}
          · request <code>{failure.requestId}</code>
        </>
      )}
    </Alert>
  );
}
