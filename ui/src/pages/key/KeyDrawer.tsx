// One key with all that is known of it; open while the URL says `key=`.
import { Button, Drawer, Group, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { keyQuery } from "../../api/keys";
import type { Key } from "../../api/schema";
import { Detail, Details } from "../../components/Details";
import { FailureNotice } from "../../components/FailureNotice";
import { formatCount } from "../../components/format/count";
import { formatCost, formatUsdExact } from "../../components/format/money";
import { Moment } from "../../components/Moment";
import { Status } from "../../components/Status";
import { keyStatus, keyTitle, keyTones } from "./keyStatus";
import { useKeyStatusSwitch } from "./useKeyStatusSwitch";

interface KeyDrawerProps {
  id: string;
  /** The key, if the list has it already. */
  listed: Key | undefined;
  onEdit: (key: Key) => void;
  onDelete: (key: Key) => void;
  onClose: () => void;
}

export function KeyDrawer({ id, listed, onClose, ...actions }: KeyDrawerProps) {
  const fetched = useQuery({ ...keyQuery(id), enabled: id !== "" && !listed });
  const key = listed ?? fetched.data;
  return (
    <Drawer opened={id !== ""} onClose={onClose} title={key ? keyTitle(key) : "API key"}>
      {key && <KeyDetails of={key} {...actions} />}
      {!key && fetched.isError && <FailureNotice error={fetched.error} retry={() => fetched.refetch()} />}
      {!key && fetched.isPending && <Skeleton height={320} />}
    </Drawer>
  );
}

function KeyDetails({ of: key, onEdit, onDelete }: Pick<KeyDrawerProps, "onEdit" | "onDelete"> & { of: Key }) {
  const switchStatus = useKeyStatusSwitch();
  const status = keyStatus(key);
  return (
    <Stack gap="lg">
      <Details>
        <Detail name="Key">
          <code>{key.masked}</code>
        </Detail>
        <Detail name="Status">
          <Status tone={keyTones[status]}>{status}</Status>
        </Detail>
        <Detail name="Owner">{key.account_username}</Detail>
        <Detail name="Created">
          <Moment at={key.created_at} never="" />
        </Detail>
        <Detail name="Expires">
          <Moment at={key.expires_at} never="never" />
        </Detail>
        <Detail name="Last used">
          <Moment at={key.last_used_at} never="never" />
        </Detail>
      </Details>
      <Details>
        <Detail name="Requests">{formatCount(key.usage.requests)}</Detail>
        <Detail name="Prompt tokens">{formatCount(key.usage.prompt_tokens)}</Detail>
        <Detail name="Completion tokens">{formatCount(key.usage.completion_tokens)}</Detail>
        <Detail name="Tokens">{formatCount(key.usage.total_tokens)}</Detail>
        <Detail name="Cost">{formatCost(key.usage, formatUsdExact)}</Detail>
      </Details>
      <Group gap="xs">
        <Button component={Link} to={`/log?key_id=${key.id}`} variant="default">
          View its calls
        </Button>
        <Button variant="default" onClick={() => onEdit(key)}>
          Edit
        </Button>
        <Button variant="default" onClick={() => switchStatus(key)}>
          {key.status === "active" ? "Disable" : "Enable"}
        </Button>
        <Button variant="light" color="red" onClick={() => onDelete(key)}>
          Delete
        </Button>
      </Group>
    </Stack>
  );
}
