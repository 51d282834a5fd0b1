// How calls find their channels, where their model says nothing else.
import { Button, Group, Radio, Stack, Switch } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Settings } from "../../api/schema";
import { useChangeSettings } from "../../api/settings";
import { FormFailure } from "../../components/FormFailure";
import { notifyDone } from "../../components/notify";
import { STRATEGIES } from "../../components/strategies";
import classes from "./Setting.module.css";

const valuesOf = ({ routing_strategy, routing_sticky }: Settings) => ({ routing_strategy, routing_sticky });

export function RoutingForm({ settings }: { settings: Settings }) {
  const change = useChangeSettings();
  const form = useForm({ initialValues: valuesOf(settings) });
  const submit = form.onSubmit((values) =>
    change.mutate(values, {
      onSuccess: (after) => {
        form.setValues(valuesOf(after));
        form.resetDirty(valuesOf(after));
        notifyDone("Routing saved. It holds from the next call on.");
      },
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack className={classes.column} gap="lg">
        <Radio.Group label="Which channel first" {...form.getInputProps("routing_strategy")}>
          <Stack gap="xs" mt="xs">
            {STRATEGIES.map(({ value, label, description }) => (
              <Radio key={value} value={value} label={label} description={description} />
            ))}
          </Stack>
        </Radio.Group>
        <Switch
          label="The calls of one key go the same way"
          description="Among channels of one rank, and among a channel's credentials: the provider's prompt cache stays warm. Over many keys each still gets its share."
          {...form.getInputProps("routing_sticky", { type: "checkbox" })}
        />
        <FormFailure error={change.error} />
        <Group>
          <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
            Save routing
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
