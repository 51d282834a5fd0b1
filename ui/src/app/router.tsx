// The routes: every page can be bookmarked and is loaded when it is first opened.
import { createBrowserRouter } from "react-router";
import { RequireAdmin } from "./RequireAdmin";
import { RequireSession } from "./RequireSession";
import { RouteFailure } from "./RouteFailure";
import { Starting } from "./Starting";

export const router = createBrowserRouter(
  [
    {
      errorElement: <RouteFailure />,
      HydrateFallback: Starting,
      children: [
        { path: "login", lazy: async () => ({ Component: (await import("../pages/session/LoginPage")).LoginPage }) },
        { path: "setup", lazy: async () => ({ Component: (await import("../pages/session/SetupPage")).SetupPage }) },
        {
          Component: RequireSession,
          children: [
            {
              index: true,
              lazy: async () => ({ Component: (await import("../pages/overview/OverviewPage")).OverviewPage }),
            },
            { path: "token", lazy: async () => ({ Component: (await import("../pages/key/KeysPage")).KeysPage }) },
            { path: "log", lazy: async () => ({ Component: (await import("../pages/call/CallsPage")).CallsPage }) },
            { path: "usage", lazy: async () => ({ Component: (await import("../pages/usage/UsagePage")).UsagePage }) },
            {
              path: "playground",
              lazy: async () => ({ Component: (await import("../pages/playground/PlaygroundPage")).PlaygroundPage }),
            },
            {
              path: "model",
              lazy: async () => ({ Component: (await import("../pages/model/ModelsPage")).ModelsPage }),
            },
            {
              Component: RequireAdmin,
              children: [
                {
                  path: "channel",
                  lazy: async () => ({ Component: (await import("../pages/channel/ChannelsPage")).ChannelsPage }),
                },
                {
                  path: "account",
                  lazy: async () => ({ Component: (await import("../pages/account/AccountsPage")).AccountsPage }),
                },
                {
                  path: "webhook",
                  lazy: async () => ({ Component: (await import("../pages/webhook/WebhooksPage")).WebhooksPage }),
                },
                {
                  path: "audit",
                  lazy: async () => ({ Component: (await import("../pages/audit/AuditPage")).AuditPage }),
                },
                {
                  path: "setting",
                  lazy: async () => ({ Component: (await import("../pages/setting/SettingsPage")).SettingsPage }),
                },
              ],
            },
            { path: "*", lazy: async () => ({ Component: (await import("./NotFound")).NotFound }) },
          ],
        },
      ],
    },
  ],
  { basename: "/console" },
);
