// One call with all that is known of it; open while the URL says `call=`.
import { Drawer, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { callQuery } from "../../api/calls";
import type { Call } from "../../api/schema";
import { FailureNotice } from "../../components/FailureNotice";
import { CallDetails } from "./CallDetails";

interface CallDrawerProps {
  id: string;
  /** The call, if the list has it already. */
  listed: Call | undefined;
  onClose: () => void;
}

export function CallDrawer({ id, listed, onClose }: CallDrawerProps) {
  const fetched = useQuery({ ...callQuery(id), enabled: id !== "" && !listed });
  const call = listed ?? fetched.data;
  return (
    <Drawer opened={id !== ""} onClose={onClose} title={call ? `${call.endpoint} · ${call.model}` : "Call"}>
      {call && <CallDetails call={call} />}
      {!call && fetched.isError && <FailureNotice error={fetched.error} retry={() => fetched.refetch()} />}
      {!call && fetched.isPending && <Skeleton height={480} />}
    </Drawer>
  );
}
