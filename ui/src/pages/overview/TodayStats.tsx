// Today in four numbers.
import type { Tally } from "../../api/schema";
import { formatCount, formatShort, plural } from "../../components/format/count";
import { formatUsd, isUnpriced } from "../../components/format/money";
import { Stat, Stats } from "../../components/Stat";

export function TodayStats({ today }: { today: Tally | undefined }) {
  const loading = !today;
  const share = today?.requests ? (100 * today.errors) / today.requests : 0;
  return (
    <Stats>
      <Stat
        name="Calls today"
        loading={loading}
        value={today && formatCount(today.requests)}
        note={today && !today.requests && "none yet"}
      />
      <Stat
        name="Tokens today"
        loading={loading}
        value={today && formatShort(today.total_tokens)}
        note={today && `${formatShort(today.prompt_tokens)} in · ${formatShort(today.completion_tokens)} out`}
      />
      <Stat
        name="Cost today"
        loading={loading}
        value={today && (isUnpriced(today) ? "not priced" : formatUsd(today.cost_usd))}
        note={today && today.unpriced_requests > 0 && `+ ${plural(today.unpriced_requests, "call")} not priced`}
      />
      <Stat
        name="Errors today"
        loading={loading}
        value={today && formatCount(today.errors)}
        note={today && today.requests > 0 && `${share.toFixed(share < 10 ? 1 : 0)} % of calls`}
      />
    </Stats>
  );
}
