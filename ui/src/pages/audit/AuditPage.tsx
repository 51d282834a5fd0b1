// The audit table: who changed what, when, from where.
import { IconActivity } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { auditQuery } from "../../api/audit";
import { useUrlState } from "../../app/urlState";
import { CursorPages } from "../../components/CursorPages";
import { Empty } from "../../components/Empty";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { AuditTable } from "./AuditTable";

const PAGE_SIZE = 50;

export function AuditPage() {
  const url = useUrlState();
  const cursor = url.get("cursor");
  const audit = useQuery(auditQuery({ cursor, limit: PAGE_SIZE }));
  return (
    <Page title="Audit" about="Who changed what, when, and from where.">
      <Panel flush>
        <Listing
          query={audit}
          empty={
            <Empty icon={IconActivity} title="No change yet">
              Every change to keys, channels, models and accounts will stand here.
            </Empty>
          }
        >
          {(answer) => (
            <>
              <AuditTable entries={answer?.items} />
              <CursorPages cursor={cursor} next={answer?.next_cursor ?? null} />
            </>
          )}
        </Listing>
      </Panel>
    </Page>
  );
}
