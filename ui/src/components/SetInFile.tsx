// What the configuration file sets can be looked at here and changed there.
import { Alert, Fieldset, Stack } from "@mantine/core";
import type { ReactNode } from "react";

export function SetInFile({ file, children }: { file: string | null; children: ReactNode }) {
  if (file === null) return children;
  return (
    <Stack>
      <Alert color="gray">
        This is set in <code>{file}</code>. Change it there and start the gateway again.
      </Alert>
      <Fieldset variant="unstyled" disabled>
        {children}
      </Fieldset>
    </Stack>
  );
}
