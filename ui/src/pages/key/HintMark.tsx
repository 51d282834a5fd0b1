// The mark of a hint, where what it is about stands.
import type { Key } from "../../api/schema";
import { Mark } from "../../components/Mark";
import { useNow } from "../../components/useNow";
import { HINT_WORDS, type Hint, hintsOf } from "./hygiene";

export function HintMark({ of: key, hint }: { of: Key; hint: Hint }) {
  return hintsOf(key, useNow()).includes(hint) ? <Mark>{HINT_WORDS[hint]}</Mark> : null;
}
