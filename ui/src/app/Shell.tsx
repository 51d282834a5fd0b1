// The frame of every page: navigation, account menu, and on phones a bar with the burger.
import { AppShell, Burger, Group } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Outlet } from "react-router";
import { Wordmark } from "../components/Logo";
import { AccountMenu } from "./AccountMenu";
import { ColorSchemeSwitch } from "./ColorSchemeSwitch";
import { Navigation } from "./Navigation";
import classes from "./Shell.module.css";

export function Shell() {
  const [open, menu] = useDisclosure(false);
  return (
    <AppShell
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 228, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding={0}
    >
      <a href="#content" className={classes.skip}>
        Skip to the content
      </a>
      <AppShell.Header hiddenFrom="sm" className={classes.bar}>
        <Group h="100%" px="md" gap="sm">
          <Burger
            opened={open}
            onClick={menu.toggle}
            size="sm"
            aria-label={open ? "Close the navigation" : "Open the navigation"}
            aria-expanded={open}
          />
          <Wordmark />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes.navbar}>
        <div className={classes.brand}>
          <Wordmark />
        </div>
        <div className={classes.pages}>
          <Navigation onNavigate={menu.close} />
        </div>
        <div className={classes.foot}>
          <AccountMenu />
          <ColorSchemeSwitch />
        </div>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}
