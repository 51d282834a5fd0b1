// Accounts: who may log in, and what the keys of each may consume together.
import { Button, Drawer } from "@mantine/core";
import { IconPlus, IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { accountsQuery } from "../../api/accounts";
import type { Account } from "../../api/schema";
import { pageNumber, useUrlState } from "../../app/urlState";
import { Empty } from "../../components/Empty";
import { Filters } from "../../components/Filters";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Pages } from "../../components/Pages";
import { Panel } from "../../components/Panel";
import { SearchInput } from "../../components/SearchInput";
import { AccountForm } from "./AccountForm";
import { AccountStanding } from "./AccountStanding";
import { AccountsTable } from "./AccountsTable";
import { DeleteAccountDialog } from "./DeleteAccountDialog";
import { TopUpDialog } from "./TopUpDialog";

const PAGE_SIZE = 20;

export function AccountsPage() {
  const url = useUrlState();
  const page = pageNumber(url.params.get("page"));
  const accounts = useQuery(accountsQuery({ q: url.get("q"), page, page_size: PAGE_SIZE }));
  const [deleting, setDeleting] = useState<Account | null>(null);
  const [topping, setTopping] = useState<Account | null>(null);
  const edited = accounts.data?.items.find((account) => account.id === url.get("account")) ?? null;
  const edit = (account: Account) => url.set({ account: account.id });
  const close = () => url.set({ account: null, new: null });
  return (
    <Page
      title="Accounts"
      about="A person who logs in and owns API keys."
      action={
        <Button leftSection={<IconPlus size={16} />} onClick={() => url.set({ new: 1 })}>
          Create Account
        </Button>
      }
    >
      <Filters>
        <SearchInput label="Search by username" value={url.get("q")} onSearch={(q) => url.filter({ q })} />
      </Filters>
      <Panel flush>
        <Listing
          query={accounts}
          empty={
            <Empty
              icon={IconSearchOff}
              title="No account fits"
              action={
                <Button variant="default" onClick={() => url.filter({ q: null })}>
                  Clear the search
                </Button>
              }
            >
              No username has this in it.
            </Empty>
          }
        >
          {(answer) => (
            <>
              <AccountsTable accounts={answer?.items} onEdit={edit} onTopUp={setTopping} onDelete={setDeleting} />
              <Pages
                page={page}
                pageSize={PAGE_SIZE}
                total={answer?.total}
                onPage={(next) => url.set({ page: next })}
              />
            </>
          )}
        </Listing>
      </Panel>
      <Drawer
        opened={edited !== null || url.get("new") !== ""}
        onClose={close}
        title={edited ? `Account ${edited.username}` : "Create account"}
      >
        {edited && <AccountStanding account={edited} onTopUp={setTopping} />}
        <AccountForm key={edited?.id ?? "new"} account={edited} onDone={close} />
      </Drawer>
      <TopUpDialog account={topping} onClose={() => setTopping(null)} />
      <DeleteAccountDialog deleting={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}
