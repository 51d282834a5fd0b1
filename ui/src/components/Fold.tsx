// Parts of a form that can stay closed: what is in one is told beside its name.
import { Accordion } from "@mantine/core";
import { type ReactNode, useState } from "react";
import classes from "./Fold.module.css";

export interface Fold {
  name: string;
  /** What is in it, in few words. */
  summary: string;
  /** Something in it must be seen to: it is open. */
  wrong?: boolean;
  content: ReactNode;
}

export function Folds({ folds, opened = [] }: { folds: Fold[]; opened?: string[] }) {
  const [open, setOpen] = useState(opened);
  const wrong = folds.filter((fold) => fold.wrong).map(({ name }) => name);
  return (
    <Accordion multiple value={[...new Set([...open, ...wrong])]} onChange={setOpen} order={3} classNames={classes}>
      {folds.map(({ name, summary, content }) => (
        <Accordion.Item key={name} value={name}>
          <Accordion.Control>
            <span>{name}</span>
            <span className={classes.summary}>{summary}</span>
          </Accordion.Control>
          <Accordion.Panel>{content}</Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}
