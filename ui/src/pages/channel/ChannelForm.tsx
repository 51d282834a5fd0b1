// Adds or changes a channel.
import { Button, Group, NumberInput, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import type { Channel } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { notifyDone } from "../../components/notify";
import { CallingFields } from "./CallingFields";
import { ChannelHealthNotice } from "./ChannelHealthNotice";
import { blank, bodyOf, type ChannelValues, FIELDS, ofKind, problems, valuesOf } from "./channelForm";
import { KindSelect } from "./KindSelect";
import { KINDS } from "./kinds";
import { ModelsField } from "./ModelsField";
import { PresetPicker } from "./PresetPicker";
import { ProviderFields } from "./ProviderFields";
import type { Preset } from "./presets";
import { useSaveChannel } from "./useSaveChannel";

interface ChannelFormProps {
  /** The channel to change; without one, a new one is added. */
  channel: Channel | null;
  onDone: () => void;
}

export function ChannelForm({ channel, onDone }: ChannelFormProps) {
  const saving = useSaveChannel(channel);
  const [before] = useState(() => (channel ? valuesOf(channel) : blank));
  const form = useForm<ChannelValues>({ initialValues: before, validate: problems });
  const { kind } = form.values;
  const takePreset = (preset: Preset) =>
    form.setValues({ base_url: preset.base_url, name: form.values.name || preset.name });
  const submit = form.onSubmit((values) =>
    saving.save(bodyOf(values, before), {
      onSuccess: () => {
        notifyDone(channel ? "Channel changed." : "Channel added.");
        onDone();
      },
      onError: (error) => form.setErrors(fieldErrors(error, FIELDS)),
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        {channel && <ChannelHealthNotice channel={channel} />}
        <KindSelect kind={kind} onPick={(next) => form.setValues(ofKind(next, before))} />
        {kind === "openai" && !channel && <PresetPicker onPick={takePreset} />}
        <TextInput label="Name" required data-autofocus {...form.getInputProps("name")} />
        <ProviderFields form={form} />
        <ModelsField form={form} channel={channel} before={before} />
        <Textarea
          label="Model names at the provider"
          description="Only where they differ: one a line, public = upstream."
          placeholder="qwen3-32b = Qwen/Qwen3-32B-Instruct-AWQ"
          autosize
          minRows={2}
          spellCheck={false}
          classNames={{ input: "mono" }}
          {...form.getInputProps("model_map")}
        />
        <Group grow align="flex-start">
          <NumberInput
            label="Priority"
            description="Higher first"
            allowDecimal={false}
            {...form.getInputProps("priority")}
          />
          <NumberInput
            label="Weight"
            description="Among equals"
            min={0}
            allowDecimal={false}
            {...form.getInputProps("weight")}
          />
          <NumberInput
            label="Price"
            description="Times the list"
            min={0}
            step={0.05}
            decimalScale={4}
            {...form.getInputProps("price_multiplier")}
          />
          <Select
            label="Cost"
            description="Whose dollars are booked"
            allowDeselect={false}
            data={[
              { value: "catalogue", label: "Price list" },
              { value: "provider", label: "Provider's own" },
            ]}
            {...form.getInputProps("cost_source")}
          />
        </Group>
        {KINDS[kind].address && <CallingFields form={form} />}
        <Text size="sm" c="dimmed">
          Changes hold for the next call. Credentials are sealed on disk and never shown again.
        </Text>
        <FormFailure error={saving.error} shown={FIELDS} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={saving.pending}>
            {channel ? "Save" : "Add channel"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
