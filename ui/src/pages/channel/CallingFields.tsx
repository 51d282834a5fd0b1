// How a channel's provider is called: headers, proxy, timeouts, overridden parameters.
import { Group, NumberInput, Stack, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { Folds } from "../../components/Fold";
import { callingSummary } from "./calling";
import type { ChannelValues } from "./channelForm";

const WAITS = [
  { name: "connect_ms", label: "Connection" },
  { name: "first_byte_ms", label: "First byte" },
  { name: "idle_ms", label: "Between pieces" },
] as const;

export function CallingFields({ form }: { form: UseFormReturnType<ChannelValues> }) {
  const { errors } = form;
  const fold = {
    name: "How it is called",
    summary: callingSummary(form.values),
    wrong: Boolean(errors.headers ?? errors.proxy ?? errors.overrides),
    content: (
      <Stack>
        <Textarea
          label="Headers"
          description="One a line, Name: value. Sealed like the credential; what is stored shows masked, and stays if you leave it."
          placeholder="X-Tenant: blue"
          autosize
          minRows={2}
          spellCheck={false}
          classNames={{ input: "mono" }}
          {...form.getInputProps("headers")}
        />
        <TextInput
          label="Proxy"
          description="Calls go through it. Sealed; shown without its password."
          placeholder="http://user:password@host:3128"
          autoComplete="off"
          {...form.getInputProps("proxy")}
        />
        <Group grow align="flex-start">
          {WAITS.map(({ name, label }) => (
            <NumberInput
              key={name}
              label={label}
              description="Most wait"
              placeholder="as for all"
              suffix=" ms"
              min={1}
              max={3_600_000}
              allowDecimal={false}
              {...form.getInputProps(name)}
            />
          ))}
        </Group>
        <Textarea
          label="Parameters"
          description="A JSON object over what clients send; null takes a field out."
          placeholder={'{"temperature": 0.2, "user": null}'}
          autosize
          minRows={2}
          spellCheck={false}
          classNames={{ input: "mono" }}
          {...form.getInputProps("overrides")}
        />
      </Stack>
    ),
  };
  return <Folds folds={[fold]} />;
}
