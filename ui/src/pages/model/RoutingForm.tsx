// How calls for one model find their channels, and which models serve when none of its own can.
import { Button, Group, Select, Stack, TagsInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useRouteModel } from "../../api/models";
import type { Model, RoutingStrategy } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { notifyDone } from "../../components/notify";
import { STRATEGIES } from "../../components/strategies";

const FIELDS = ["strategy", "fallbacks"];

interface RoutingFormProps {
  model: Model;
  /** Names to choose from. */
  models: string[];
  onDone: () => void;
}

export function RoutingForm({ model, models, onDone }: RoutingFormProps) {
  const route = useRouteModel();
  const form = useForm<{ strategy: RoutingStrategy | null; fallbacks: string[] }>({
    initialValues: { strategy: model.strategy, fallbacks: model.fallbacks },
  });
  const submit = form.onSubmit((routing) =>
    route.mutate(
      { name: model.name, routing },
      {
        onSuccess: () => {
          notifyDone("Routing saved. It holds from the next call on.");
          onDone();
        },
        onError: (error) => form.setErrors(fieldErrors(error, FIELDS)),
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <Title order={3}>Routing</Title>
        <Select
          label="Which channel first"
          placeholder="As the settings say"
          data={STRATEGIES.map(({ value, label }) => ({ value, label }))}
          clearable
          {...form.getInputProps("strategy")}
        />
        <TagsInput
          label="Fallback models"
          description="Serve in this order when no channel of the model can, at their own price, for keys that may use them."
          data={models.filter((name) => name !== model.name)}
          placeholder={form.values.fallbacks.length === 0 ? "none" : ""}
          acceptValueOnBlur
          {...form.getInputProps("fallbacks")}
        />
        <FormFailure error={route.error} shown={FIELDS} />
        <Group justify="flex-end">
          <Button type="submit" loading={route.isPending} disabled={!form.isDirty()}>
            Save routing
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
