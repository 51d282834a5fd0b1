// The row of controls above a list; they share the width, and stack on phones.
import type { ReactNode } from "react";
import classes from "./Filters.module.css";

export function Filters({ children }: { children: ReactNode }) {
  return <div className={classes.filters}>{children}</div>;
}
