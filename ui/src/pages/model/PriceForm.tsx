// An own price for a model, in place of the catalogue's.
import { Button, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useRemovePrice, useSetPrice } from "../../api/models";
import type { Model } from "../../api/schema";
import { Folds } from "../../components/Fold";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { notifyDone } from "../../components/notify";
import { filledIn, PRICE_FIELDS, PRICE_GROUPS, priceOf, priceValues, USUAL_PRICES } from "./price";

function numberFormat(of: "tokens" | "factor" | undefined) {
  if (of === "tokens") return { allowDecimal: false, thousandSeparator: "," };
  return of === "factor" ? { prefix: "× ", decimalScale: 6 } : { prefix: "$", decimalScale: 12 };
}

interface PriceFormProps {
  model: Model;
  onDone: () => void;
}

export function PriceForm({ model, onDone }: PriceFormProps) {
  const set = useSetPrice();
  const remove = useRemovePrice();
  const given = (value: number | string) => (value === "" ? "Enter a price; 0 if it is free." : null);
  const form = useForm({
    initialValues: priceValues(model),
    validate: { input_usd_per_mtok: given, output_usd_per_mtok: given },
  });
  const names = PRICE_FIELDS.map(({ name }) => name);
  const done = (message: string) => () => {
    notifyDone(message);
    onDone();
  };
  const submit = form.onSubmit((values) =>
    set.mutate(
      { name: model.name, price: priceOf(values) },
      {
        onSuccess: done("Price set. It holds from the next call on."),
        onError: (error) => form.setErrors(fieldErrors(error, names)),
      },
    ),
  );
  const input = ({ name, label, of }: (typeof PRICE_FIELDS)[number]) => (
    <NumberInput
      key={name}
      label={label}
      data-autofocus={name === "input_usd_per_mtok" || undefined}
      min={0}
      hideControls
      {...numberFormat(of)}
      {...form.getInputProps(name)}
    />
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text c="dimmed">
          Holds for calls from now on; what was counted stays. A field that is left blank has no price of its own.
        </Text>
        {USUAL_PRICES.map(input)}
        <Folds
          folds={PRICE_GROUPS.map(({ name, fields }) => ({
            name,
            summary: filledIn(fields, form.values),
            wrong: fields.some((field) => form.errors[field.name]),
            content: <Stack>{fields.map(input)}</Stack>,
          }))}
        />
        <FormFailure error={set.error ?? remove.error} shown={names} />
        <Group justify="flex-end">
          {model.source === "own" && (
            <Button
              variant="default"
              mr="auto"
              loading={remove.isPending}
              onClick={() => remove.mutate(model.name, { onSuccess: done("Own price removed.") })}
            >
              Remove own price
            </Button>
          )}
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={set.isPending}>
            Set price
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
