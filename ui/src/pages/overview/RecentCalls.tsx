// The newest calls, with the way to all of them.
import { Anchor } from "@mantine/core";
import { Link, useNavigate } from "react-router";
import type { Call } from "../../api/schema";
import { Panel } from "../../components/Panel";
import { CallsTable } from "../call/CallsTable";

export function RecentCalls({ calls, expected }: { calls: Call[] | undefined; expected: number }) {
  const navigate = useNavigate();
  return (
    <Panel
      flush
      title="Newest calls"
      action={
        <Anchor component={Link} to="/log" size="sm">
          All calls
        </Anchor>
      }
    >
      <CallsTable
        calls={calls}
        expected={expected}
        logPath="/log"
        onOpen={(call) => navigate(`/log?call=${call.id}`)}
      />
    </Panel>
  );
}
