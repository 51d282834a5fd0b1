// The navigation on the left; in a menu on phones.
import { Text } from "@mantine/core";
import { NavLink } from "react-router";
import { useViewer } from "../api/session";
import classes from "./Navigation.module.css";
import { navigation } from "./navigationGroups";

export function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const viewer = useViewer();
  return (
    <nav aria-label="Main" className={classes.navigation}>
      {navigation
        .filter((group) => viewer.admin || !group.admin)
        .map((group) => (
          <div key={group.title} className={classes.group}>
            {group.title && (
              <Text size="xs" c="dimmed" fw={550} className={classes.title}>
                {group.title}
              </Text>
            )}
            {group.pages.map(({ path, name, icon: Icon }) => (
              <NavLink key={path} to={path} end={path === "/"} className={classes.link ?? ""} onClick={onNavigate}>
                <Icon size={17} stroke={1.6} aria-hidden />
                {name}
              </NavLink>
            ))}
          </div>
        ))}
    </nav>
  );
}
