// Pages for administrators only.
import { Button } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { Link, Outlet } from "react-router";
import { useViewer } from "../api/session";
import { Empty } from "../components/Empty";
import { Page } from "../components/Page";

export function RequireAdmin() {
  const viewer = useViewer();
  if (viewer.admin) return <Outlet />;
  return (
    <Page title="For administrators">
      <Empty
        icon={IconLock}
        title="Only an administrator can see this"
        action={
          <Button component={Link} to="/">
            To the overview
          </Button>
        }
      >
        You are logged in as {viewer.username}, a member. Ask an administrator of this gateway.
      </Empty>
    </Page>
  );
}
