// The whole range in four numbers, and what was used of audio and images.
import type { Tally } from "../../api/schema";
import { formatCount, formatShort, plural } from "../../components/format/count";
import { formatUsd, isUnpriced } from "../../components/format/money";
import { Stat, Stats } from "../../components/Stat";

/** What was used beside tokens, if anything was. */
function otherUsage({ images, audio_seconds, characters }: Tally): string {
  const parts = [
    images > 0 && plural(images, "image"),
    audio_seconds > 0 && `${formatShort(audio_seconds)} s heard`,
    characters > 0 && `${formatShort(characters)} characters spoken`,
  ];
  return parts.filter(Boolean).join(", ");
}

export function UsageTotals({ total }: { total: Tally | undefined }) {
  const loading = !total;
  return (
    <Stats>
      <Stat
        name="Calls"
        loading={loading}
        value={total && formatCount(total.requests)}
        note={total && plural(total.errors, "error")}
      />
      <Stat
        name="Prompt tokens"
        loading={loading}
        value={total && formatShort(total.prompt_tokens)}
        note={total && `${formatShort(total.cached_tokens)} of them cached`}
      />
      <Stat
        name="Completion tokens"
        loading={loading}
        value={total && formatShort(total.completion_tokens)}
        note={total && `${formatShort(total.reasoning_tokens)} of them reasoning`}
      />
      {total && otherUsage(total) && <Stat name="Media" loading={false} value={otherUsage(total)} />}
      <Stat
        name="Cost"
        loading={loading}
        value={total && (isUnpriced(total) ? "not priced" : formatUsd(total.cost_usd))}
        note={total && total.unpriced_requests > 0 && `+ ${plural(total.unpriced_requests, "call")} not priced`}
      />
    </Stats>
  );
}
