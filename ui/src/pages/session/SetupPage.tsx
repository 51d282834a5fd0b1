// The one-time link: makes the first administrator, who is logged in at once.
import { Button, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Navigate, useSearchParams } from "react-router";
import { sessionQuery, setupQuery } from "../../api/session";
import { FailureNotice } from "../../components/FailureNotice";
import { Door } from "./Door";
import { SetupForm } from "./SetupForm";
import { SetupNeeded } from "./SetupNeeded";

export function SetupPage() {
  const [params] = useSearchParams();
  const session = useQuery(sessionQuery);
  const setup = useQuery(setupQuery);
  const token = params.get("token");
  if (session.data) return <Navigate to="/" replace />;
  if (setup.isError) {
    return (
      <Door title="Set up this gateway">
        <FailureNotice error={setup.error} retry={() => setup.refetch()} />
      </Door>
    );
  }
  if (setup.isPending) {
    return (
      <Door title="Set up this gateway">
        <Stack aria-busy="true">
          <Skeleton height={52} />
          <Skeleton height={52} />
          <Skeleton height={36} />
        </Stack>
      </Door>
    );
  }
  if (!setup.data.needed) return <SetupDone />;
  if (!token) return <SetupNeeded />;
  return (
    <Door title="Make the first administrator" about="This account owns the gateway: it can see and change everything.">
      <SetupForm token={token} />
    </Door>
  );
}

function SetupDone() {
  return (
    <Door title="Set-up is done">
      <Text mb="md">
        This gateway has its administrator already, so the link has done its work. A forgotten password can be set with{" "}
        <code>real200 user set-password</code> on the machine itself.
      </Text>
      <Button component={Link} to="/login" fullWidth>
        Log in
      </Button>
    </Door>
  );
}
