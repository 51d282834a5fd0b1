// Lets in who is logged in; leads everyone else to the log-in page and back.
import { Center } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation } from "react-router";
import { sessionQuery } from "../api/session";
import { FailureNotice } from "../components/FailureNotice";
import { loginPath } from "./returnTo";
import { Shell } from "./Shell";
import { Starting } from "./Starting";

export function RequireSession() {
  const session = useQuery(sessionQuery);
  const { pathname, search } = useLocation();
  if (session.data) return <Shell />;
  if (session.data === null) return <Navigate to={loginPath(pathname + search)} replace />;
  if (session.isPending) return <Starting />;
  return (
    <Center mih="100dvh" p="lg" component="main">
      <FailureNotice error={session.error} retry={() => session.refetch()} />
    </Center>
  );
}
