// The mark of a hint, where what it is about stands.
import type { Hint, Key } from "../../api/schema";
import { Mark } from "../../components/Mark";
import { HINT_WORDS } from "./hygiene";

export function HintMark({ of: key, hint }: { of: Key; hint: Hint }) {
  return key.hints.includes(hint) ? <Mark>{HINT_WORDS[hint]}</Mark> : null;
}
