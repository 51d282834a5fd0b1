// Who is logged in; change of password and log-out.
import { Menu, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLock, IconLogout, IconSelector } from "@tabler/icons-react";
import { useLogOut, useViewer } from "../api/session";
import { notifyFailure } from "../components/notify";
import classes from "./AccountMenu.module.css";
import { ChangePasswordDialog } from "./ChangePasswordDialog";

export function AccountMenu() {
  const viewer = useViewer();
  const logOut = useLogOut();
  const [changing, dialog] = useDisclosure(false);
  return (
    <>
      <Menu position="top-start" width={204}>
        <Menu.Target>
          <UnstyledButton className={classes.account} aria-label={`Account ${viewer.username}`}>
            <span className={classes.initial} aria-hidden>
              {viewer.username.slice(0, 1).toUpperCase()}
            </span>
            <span className={classes.name}>
              <Text size="sm" fw={550} truncate>
                {viewer.username}
              </Text>
              <Text size="xs" c="dimmed">
                {viewer.role}
              </Text>
            </span>
            <IconSelector size={15} stroke={1.6} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Real200 {viewer.version}</Menu.Label>
          <Menu.Item leftSection={<IconLock size={16} stroke={1.6} />} onClick={dialog.open}>
            Change password
          </Menu.Item>
          <Menu.Item
            leftSection={<IconLogout size={16} stroke={1.6} />}
            onClick={() => logOut.mutate(undefined, { onError: notifyFailure("You are still logged in") })}
          >
            Log out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ChangePasswordDialog opened={changing} onClose={dialog.close} />
    </>
  );
}
