// The pages of the navigation, in their groups.
import {
  IconActivity,
  IconChartBar,
  IconCube,
  IconHome,
  IconKey,
  IconListDetails,
  IconMessage2,
  IconPlugConnected,
  IconSettings,
  IconUsers,
  IconWebhook,
  type TablerIcon,
} from "@tabler/icons-react";

export interface NavigationGroup {
  title: string | null;
  admin: boolean;
  pages: { path: string; name: string; icon: TablerIcon }[];
}

export const navigation: NavigationGroup[] = [
  {
    title: null,
    admin: false,
    pages: [
      { path: "/", name: "Overview", icon: IconHome },
      { path: "/token", name: "API Keys", icon: IconKey },
      { path: "/log", name: "Call Logs", icon: IconListDetails },
      { path: "/usage", name: "Usage", icon: IconChartBar },
      { path: "/model", name: "Models", icon: IconCube },
      { path: "/playground", name: "Playground", icon: IconMessage2 },
    ],
  },
  {
    title: "Administration",
    admin: true,
    pages: [
      { path: "/channel", name: "Channels", icon: IconPlugConnected },
      { path: "/account", name: "Accounts", icon: IconUsers },
      { path: "/webhook", name: "Webhooks", icon: IconWebhook },
      { path: "/audit", name: "Audit", icon: IconActivity },
      { path: "/setting", name: "Settings", icon: IconSettings },
    ],
  },
];
