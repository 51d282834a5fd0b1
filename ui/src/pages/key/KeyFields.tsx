// The fields of a key, the same for a new one and for one that is changed. What most keys do not need is folded away.
import { Stack, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { modelsQuery } from "../../api/models";
import { type Fold, Folds } from "../../components/Fold";
import { quotaOf, rateOf } from "../../components/limits/limitValues";
import { writeQuota, writeRate } from "../../components/limits/limitWords";
import { QuotaFields } from "../../components/limits/QuotaFields";
import { RateFields } from "../../components/limits/RateFields";
import { ExpiryFields } from "./ExpiryFields";
import type { KeyValues } from "./keyForm";
import { PermissionFields } from "./PermissionFields";
import { writePermissions } from "./permissionWords";
import { servedNames } from "./presets";
import { UnpricedHint } from "./UnpricedHint";

export type KeyForm = UseFormReturnType<KeyValues>;

interface KeyFieldsProps {
  form: KeyForm;
  /** Stands below the name. */
  children?: ReactNode;
  /** The folds that are open from the start. */
  opened?: string[];
}

export function KeyFields({ form, children, opened = [] }: KeyFieldsProps) {
  const models = useQuery(modelsQuery()).data?.items;
  const { quota, rate_limit, permissions } = form.values;
  const wrong = (group: string) => Object.keys(form.errors).some((field) => field.startsWith(`${group}.`));
  const folds: Fold[] = [
    {
      name: "Quota",
      summary: writeQuota(quotaOf(quota)) || "no cap",
      wrong: wrong("quota"),
      content: (
        <Stack gap="sm">
          <QuotaFields label="Quota" field={(name) => form.getInputProps(`quota.${name}`)} />
          <UnpricedHint quota={quota} models={models} />
        </Stack>
      ),
    },
    {
      name: "Rate limit",
      summary: writeRate(rateOf(rate_limit)) || "no limit",
      wrong: wrong("rate_limit"),
      content: <RateFields field={(name) => form.getInputProps(`rate_limit.${name}`)} />,
    },
    {
      name: "Permissions",
      summary: writePermissions(permissions) || "everything",
      wrong: wrong("permissions"),
      content: <PermissionFields form={form} models={servedNames(models)} />,
    },
  ];
  return (
    <>
      <TextInput
        label="Name"
        description="Optional. What it is for, so that you know it again."
        placeholder="website chat"
        maxLength={100}
        data-autofocus
        {...form.getInputProps("name")}
      />
      {children}
      <ExpiryFields form={form} />
      <Folds key={opened.join()} folds={folds} opened={opened} />
    </>
  );
}
