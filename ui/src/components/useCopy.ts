// Copying with a word of what came of it.
import { useTimeout } from "@mantine/hooks";
import { useState } from "react";
import { copy } from "./copy";
import { notifyFailure } from "./notify";

export function useCopy(text: string) {
  const [copied, setCopied] = useState(false);
  const { start } = useTimeout(() => setCopied(false), 2000);
  const run = async () => {
    if (await copy(text)) {
      setCopied(true);
      start();
    } else {
      notifyFailure("Not copied")(new Error("The browser did not allow it. Select the text and copy it by hand."));
    }
  };
  return { copied, run };
}
