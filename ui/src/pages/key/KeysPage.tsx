// API keys: make, find, rotate, disable, delete them.
import { Button } from "@mantine/core";
import { IconKey, IconPlus, IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keysQuery } from "../../api/keys";
import type { Key } from "../../api/schema";
import { useViewer } from "../../api/session";
import { oneOf, pageNumber, useUrlState } from "../../app/urlState";
import { Empty } from "../../components/Empty";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Pages } from "../../components/Pages";
import { Panel } from "../../components/Panel";
import { CreateKeyDialog } from "./CreateKeyDialog";
import { DeleteKeyDialog } from "./DeleteKeyDialog";
import { EditKeyDialog } from "./EditKeyDialog";
import { HygieneNotice } from "./HygieneNotice";
import { HINTS } from "./hygiene";
import { KeyDrawer } from "./KeyDrawer";
import { KeyFilters } from "./KeyFilters";
import { KeysTable } from "./KeysTable";
import { KEY_STATUSES } from "./keyStatus";
import { RotateKeyDialog } from "./RotateKeyDialog";

const PAGE_SIZE = 20;

export function KeysPage() {
  const viewer = useViewer();
  const url = useUrlState();
  const page = pageNumber(url.params.get("page"));
  const asked = {
    q: url.get("q"),
    status: oneOf(url.params.get("status"), KEY_STATUSES),
    hint: oneOf(url.params.get("hint"), HINTS),
    account_id: url.get("account_id"),
  };
  const keys = useQuery(keysQuery({ ...asked, page, page_size: PAGE_SIZE }));
  const [editing, setEditing] = useState<Key | null>(null);
  const [rotating, setRotating] = useState<Key | null>(null);
  const [deleting, setDeleting] = useState<Key | null>(null);
  const opened = url.get("key");
  const items = keys.data?.items;
  const narrowed = Object.values(asked).some(Boolean) || page > 1;
  const creating = url.get("new") !== "";
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => url.set({ new: 1 })}>
      Create New Key
    </Button>
  );
  const actions = { onEdit: setEditing, onRotate: setRotating, onDelete: setDeleting };

  return (
    <Page
      title="API Keys"
      about="Each key is a credential for one program. Only its first and last characters are kept readable."
      action={create}
    >
      <KeyFilters admin={viewer.admin} ownerName={items?.[0]?.account_username ?? "this owner"} />
      <Panel flush>
        <Listing
          query={keys}
          empty={
            narrowed ? (
              <Empty
                icon={IconSearchOff}
                title="No key fits"
                action={
                  <Button
                    variant="default"
                    onClick={() => url.filter({ q: null, status: null, hint: null, account_id: null })}
                  >
                    Clear the filters
                  </Button>
                }
              >
                No key has all of what you are looking for.
              </Empty>
            ) : (
              <Empty icon={IconKey} title="No API key yet" action={create}>
                A program needs a key to call a model through this gateway. You can disable or delete it at any time.
              </Empty>
            )
          }
        >
          {(answer) => (
            <>
              <HygieneNotice keys={answer?.items} total={answer?.total} />
              <KeysTable
                keys={answer?.items}
                stale={keys.isPlaceholderData}
                viewerId={viewer.id}
                onOpen={(key) => url.set({ key: key.id })}
                {...actions}
              />
              <Pages
                page={page}
                pageSize={PAGE_SIZE}
                total={answer?.total}
                onPage={(next) => url.set({ page: next === 1 ? null : next })}
              />
            </>
          )}
        </Listing>
      </Panel>
      <KeyDrawer
        id={opened}
        listed={items?.find((key) => key.id === opened)}
        onClose={() => url.set({ key: null })}
        {...actions}
      />
      <CreateKeyDialog opened={creating} onClose={() => url.set({ new: null })} />
      <RotateKeyDialog rotating={rotating} onClose={() => setRotating(null)} />
      <EditKeyDialog editing={editing} onClose={() => setEditing(null)} />
      <DeleteKeyDialog
        deleting={deleting}
        onClose={() => setDeleting(null)}
        onDeleted={() => {
          setDeleting(null);
          url.set({ key: null });
        }}
      />
    </Page>
  );
}
