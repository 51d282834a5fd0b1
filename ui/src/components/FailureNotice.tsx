// What could not be shown, in the gateway's words, with the code and the request id to look it up by.
import { Button, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Failure } from "../api/failure";
import classes from "./Notice.module.css";

interface FailureNoticeProps {
  title?: string;
  error: unknown;
  retry: () => void;
}

export function FailureNotice({ title = "This could not be loaded", error, retry }: FailureNoticeProps) {
  const failure = Failure.of(error);
  return (
    <div className={classes.notice} role="alert">
      <span className={`${classes.icon} ${classes.bad}`}>
        <IconAlertTriangle size={22} stroke={1.5} aria-hidden />
      </span>
      <Text fw={600}>{title}</Text>
      <Text c="dimmed" maw="34rem">
        {failure.message}
      </Text>
      <FailureCodes failure={failure} />
      <Button variant="default" className={classes.action} onClick={retry}>
        Try again
      </Button>
    </div>
  );
}

export function FailureCodes({ failure }: { failure: Failure }) {
  return (
    <div className={classes.codes}>
      <span>
        Code <code>{failure.code}</code>
      </span>
      {failure.requestId && (
        <span>
          Request <code>{failure.requestId}</code>
        </span>
      )}
    </div>
  );
}
