// Search and filters of the key list, all in the URL.
import { Select } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { accountsQuery } from "../../api/accounts";
import { useUrlState } from "../../app/urlState";
import { Filters } from "../../components/Filters";
import { Picker } from "../../components/Picker";
import { SearchInput } from "../../components/SearchInput";
import { HINT_NAMES, HINTS } from "./hygiene";
import { KEY_STATUSES } from "./keyStatus";

export function KeyFilters({ admin, ownerName }: { admin: boolean; ownerName: string }) {
  const url = useUrlState();
  const cache = useQueryClient();
  return (
    <Filters>
      <SearchInput label="Search by name or masked key" value={url.get("q")} onSearch={(q) => url.filter({ q })} />
      <Select
        aria-label="Status"
        placeholder="Any status"
        data={KEY_STATUSES.map((status) => ({ value: status, label: status }))}
        value={url.get("status") || null}
        onChange={(status) => url.filter({ status })}
        clearable
      />
      <Select
        aria-label="Worth a look"
        placeholder="Worth a look or not"
        data={HINTS.map((hint) => ({ value: hint, label: HINT_NAMES[hint] }))}
        value={url.get("hint") || null}
        onChange={(hint) => url.filter({ hint })}
        clearable
      />
      {admin && (
        <Picker
          label="Any owner"
          value={url.get("account_id")}
          valueName={ownerName}
          find={async (q) =>
            (await cache.fetchQuery(accountsQuery({ q, page_size: 20 }))).items.map(({ id, username }) => ({
              value: id,
              label: username,
            }))
          }
          onPick={(account_id) => url.filter({ account_id })}
        />
      )}
    </Filters>
  );
}
