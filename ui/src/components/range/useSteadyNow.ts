// The moment from which "the last 24 hours" are counted: taken when the range is chosen, since a `now` that moves with every
// drawing would ask for another list each time.
import { useState } from "react";

export function useSteadyNow(range: string | null): number {
  const [taken, setTaken] = useState(() => ({ range, now: Date.now() }));
  if (taken.range === range) return taken.now;
  const next = { range, now: Date.now() };
  setTaken(next);
  return next.now;
}
