// One key with all that is known of it; open while the URL says `key=`.
import { Alert, Anchor, Button, Drawer, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { keyQuery, useChangeKey } from "../../api/keys";
import type { Key } from "../../api/schema";
import { changed } from "../../app/urlState";
import { Detail, Details } from "../../components/Details";
import { FailureNotice } from "../../components/FailureNotice";
import { formatCount } from "../../components/format/count";
import { formatCost, formatUsdExact } from "../../components/format/money";
import { Moment } from "../../components/Moment";
import { notifyDone, notifyFailure } from "../../components/notify";
import { Status } from "../../components/Status";
import { HINT_WORDS } from "./hygiene";
import type { KeyActionsHandlers } from "./KeyActions";
import { KeyLimits } from "./KeyLimits";
import { keyStatus, keyTitle, keyTones } from "./keyStatus";
import { canRotate } from "./rotation";
import { useKeyStatusSwitch } from "./useKeyStatusSwitch";

interface KeyDrawerProps extends KeyActionsHandlers {
  id: string;
  /** The key, if the list has it already. */
  listed: Key | undefined;
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

function KeyDetails({ of: key, onEdit, onRotate, onDelete }: KeyActionsHandlers & { of: Key }) {
  const switchStatus = useKeyStatusSwitch();
  const status = keyStatus(key);
  return (
    <Stack gap="lg">
      {status === "refused" && key.refusal && <Alert color="red">{key.refusal.message}</Alert>}
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
        {key.disable_at && (
          <Detail name={key.status === "active" ? "To be disabled" : "Disabled"}>
            <Moment at={key.disable_at} never="" />
            {key.status === "active" && <KeepAlive of={key} />}
          </Detail>
        )}
        <Detail name="Last used">
          <Moment at={key.last_used_at} never="never" />
        </Detail>
        {key.rotated_from && (
          <Detail name="Takes the place of">
            <KeyLink id={key.rotated_from}>the key before it</KeyLink>
          </Detail>
        )}
        {key.rotated_to && (
          <Detail name="Replaced by">
            <KeyLink id={key.rotated_to}>the key after it</KeyLink>
          </Detail>
        )}
      </Details>
      {key.hints.map((hint) => (
        <Text key={hint} size="sm" c="dimmed">
          {HINT_WORDS[hint]}
        </Text>
      ))}
      <KeyLimits of={key} />
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
        {canRotate(key) && (
          <Button variant="default" onClick={() => onRotate(key)}>
            Rotate
          </Button>
        )}
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

/** Takes back that the key is to be disabled. */
function KeepAlive({ of: key }: { of: Key }) {
  const change = useChangeKey();
  const keep = () =>
    change.mutate(
      { id: key.id, disable_at: null },
      {
        onSuccess: () => notifyDone("The key stays until it is disabled by hand."),
        onError: notifyFailure("The key is still to be disabled"),
      },
    );
  return (
    <>
      {" · "}
      <Anchor inherit component="button" type="button" onClick={keep}>
        keep it
      </Anchor>
    </>
  );
}

function KeyLink({ id, children }: { id: string; children: string }) {
  const [params] = useSearchParams();
  return (
    <Anchor inherit component={Link} to={{ search: changed(params, { key: id }).toString() }}>
      {children}
    </Anchor>
  );
}
