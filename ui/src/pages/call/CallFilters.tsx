// Filters of the call log, all in the URL; the lists behind them are asked for when they are opened.
import { Select } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { keysQuery } from "../../api/keys";
import { modelsQuery } from "../../api/models";
import type { Key } from "../../api/schema";
import { useUrlState } from "../../app/urlState";
import { Filters } from "../../components/Filters";
import { type Choice, Picker } from "../../components/Picker";
import { RangeSelect } from "../../components/range/RangeSelect";
import { CALL_STATUSES } from "./callStatus";

export function CallFilters({ keyName }: { keyName: string }) {
  const url = useUrlState();
  const cache = useQueryClient();
  return (
    <Filters>
      <Picker
        label="Any key"
        value={url.get("key_id")}
        valueName={keyName}
        find={async (q) => (await cache.fetchQuery(keysQuery({ q, page_size: 20 }))).items.map(keyChoice)}
        onPick={(key_id) => url.filter({ key_id })}
      />
      <Picker
        label="Any model"
        value={url.get("model")}
        valueName={url.get("model")}
        find={async () =>
          (await cache.fetchQuery(modelsQuery())).items.map(({ name }) => ({ value: name, label: name }))
        }
        onPick={(model) => url.filter({ model })}
      />
      <Select
        aria-label="Status"
        placeholder="Any status"
        data={CALL_STATUSES.map((status) => ({ value: status, label: status }))}
        value={url.get("status") || null}
        onChange={(status) => url.filter({ status })}
        clearable
      />
      <RangeSelect />
    </Filters>
  );
}

const keyChoice = (key: Key): Choice => ({
  value: key.id,
  label: key.name ? `${key.name} (${key.masked})` : key.masked,
});
