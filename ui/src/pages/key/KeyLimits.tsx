// What a key may do: its quota with how it stands, its rate limit, its permissions.
import { Stack, Text, Title } from "@mantine/core";
import type { Key } from "../../api/schema";
import { Detail, Details } from "../../components/Details";
import { writeRate } from "../../components/limits/limitWords";
import { QuotaLines } from "../../components/limits/QuotaLines";
import { linesOf } from "../../components/limits/standing";
import { writePermissions } from "./permissionWords";

export function KeyLimits({ of: key }: { of: Key }) {
  const lines = linesOf(key.quota, key.balance);
  const { models, endpoints, ips } = key.permissions;
  const shared = key.rotated_from !== null || key.rotated_to !== null;
  return (
    <Stack gap="xs">
      <Title order={3}>Quota</Title>
      {lines.length > 0 ? (
        <QuotaLines label="Quota" lines={lines} />
      ) : (
        <Text size="sm" c="dimmed">
          No cap of its own: its account's quota holds.
        </Text>
      )}
      {shared && (
        <Text size="sm" c="dimmed">
          Counts what the keys before and after it use, too.
        </Text>
      )}
      <Details>
        <Detail name="Rate limit">{writeRate(key.rate_limit) || "none"}</Detail>
        {writePermissions(key.permissions) === "" && <Detail name="Permissions">everything</Detail>}
        {models.length > 0 && <Detail name="Models">{models.join(", ")}</Detail>}
        {endpoints.length > 0 && <Detail name="Endpoints">{endpoints.join(", ")}</Detail>}
        {ips.length > 0 && <Detail name="Client addresses">{ips.join(", ")}</Detail>}
      </Details>
    </Stack>
  );
}
