// What was set before the start, by the names that the configuration has for it.
import type { Settings } from "../../api/schema";
import { Detail, Details } from "../../components/Details";
import { formatBytes, plural } from "../../components/format/count";
import classes from "./Setting.module.css";

export function RunsWith({ settings }: { settings: Settings }) {
  return (
    <div className={classes.column}>
      <Details>
        <Detail name="Version">{settings.version}</Detail>
        <Detail name="Address">
          <code>{settings.listen}</code>
        </Detail>
        <Detail name="Data directory">
          <code>{settings.data_dir}</code>
        </Detail>
        <Detail name="Time zone of days and months">{settings.time_zone}</Detail>
        <Detail name="Call log kept for">{plural(settings.retention_days, "day")}</Detail>
        <Detail name="Largest request body">{formatBytes(settings.body_limit_bytes)}</Detail>
        <Detail name="Largest upload">{formatBytes(settings.upload_limit_bytes)}</Detail>
        <Detail name="Trusted proxies">{settings.trusted_proxies.join(", ") || "none"}</Detail>
      </Details>
    </div>
  );
}
