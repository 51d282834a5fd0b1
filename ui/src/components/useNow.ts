// The present time, again every half minute: one timer for all that show a relative time.
import { useSyncExternalStore } from "react";

const STEP = 30_000;
const readers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick() {
  now = Date.now();
  for (const reader of readers) reader();
}

function subscribe(reader: () => void) {
  readers.add(reader);
  timer ??= setInterval(tick, STEP);
  return () => {
    readers.delete(reader);
    if (readers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Never behind the answer that is being shown by more than a render. */
function read(): number {
  if (Date.now() - now >= STEP) now = Date.now();
  return now;
}

export const useNow = (): number => useSyncExternalStore(subscribe, read);
