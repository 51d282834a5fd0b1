// A page that could not be loaded or drawn.
import { Center } from "@mantine/core";
import { useRouteError } from "react-router";
import { FailureNotice } from "../components/FailureNotice";

export function RouteFailure() {
  const error = useRouteError();
  return (
    <Center mih="100dvh" p="lg" component="main">
      <FailureNotice title="The console stumbled" error={error} retry={() => window.location.reload()} />
    </Center>
  );
}
