// A piece of code that can be copied.

import classes from "./Code.module.css";
import { CopyIcon } from "./CopyButton";

export function Code({ label, wrap = false, children }: { label: string; wrap?: boolean; children: string }) {
  return (
    <div className={classes.code}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <pre tabIndex={0} role="region" aria-label={label} data-wrap={wrap}>
        {children}
      </pre>
      <span className={classes.copy}>
        <CopyIcon text={children} label="Copy the code" />
      </span>
    </div>
  );
}
