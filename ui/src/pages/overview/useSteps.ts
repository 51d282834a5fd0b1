// How far the first steps are; `undefined` until it is known.
import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { channelsQuery } from "../../api/channels";
import { keysQuery } from "../../api/keys";
import type { Calls } from "../../api/schema";
import { allDone, channelDone, type Steps } from "./steps";

export function useSteps(admin: boolean, calls: Calls | undefined) {
  const [echoIsEnough, setEchoIsEnough] = useLocalStorage({
    key: "real200-echo-is-enough",
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  const [doneBefore, setDoneBefore] = useLocalStorage<boolean | null>({
    key: "real200-steps-done",
    defaultValue: null,
    getInitialValueInEffect: false,
  });
  const channels = useQuery({ ...channelsQuery(), enabled: admin });
  const keys = useQuery(keysQuery({ page_size: 1 }));
  const known = calls && keys.data && (!admin || channels.data);
  const steps: Steps | undefined = known && {
    channel: channelDone(admin ? channels.data?.items : undefined, echoIsEnough),
    key: keys.data.total > 0 || calls.items.length > 0,
    call: calls.items.length > 0,
  };
  const done = steps && allDone(steps);
  useEffect(() => {
    if (done !== undefined) setDoneBefore(done);
  }, [done, setDoneBefore]);
  const failed = keys.isError || channels.isError;
  /** Whether the steps are to be shown; as long as it is not known, as it was the last time. */
  const open = !failed && (done ?? doneBefore) === false;
  /** Nothing is known, not even from the last time: whatever stood below would jump. */
  const unsettled = done === undefined && doneBefore === null && !failed;
  return { steps, open, unsettled, takeEcho: () => setEchoIsEnough(true) };
}
