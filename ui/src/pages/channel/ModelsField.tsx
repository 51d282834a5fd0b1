// The models of a channel: typed, or picked from the provider's own list, which says which of them have no price yet.
import { Anchor, Button, Group, TagsInput, Text } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { Link } from "react-router";
import { useDiscoverModels } from "../../api/channels";
import type { Channel } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { plural } from "../../components/format/count";
import type { ChannelValues } from "./channelForm";
import { asked, unpriced } from "./discovery";
import { KINDS } from "./kinds";

interface ModelsFieldProps {
  form: UseFormReturnType<ChannelValues>;
  channel: Channel | null;
  before: ChannelValues;
}

export function ModelsField({ form, channel, before }: ModelsFieldProps) {
  const discovery = useDiscoverModels();
  const found = discovery.data?.models;
  const discover = () => discovery.mutate(asked(form.values, before, channel));
  return (
    <div>
      <TagsInput
        label="Models"
        description="The names that clients ask for. Enter after each."
        placeholder={form.values.models.length === 0 ? KINDS[form.values.kind].model : ""}
        data={found?.map(({ name }) => name) ?? []}
        limit={100}
        splitChars={[",", " "]}
        acceptValueOnBlur
        required
        {...form.getInputProps("models")}
      />
      {KINDS[form.values.kind].address && (
        <Group gap="xs" mt={6}>
          <Button variant="default" size="compact-sm" loading={discovery.isPending} onClick={discover}>
            Fetch the provider's list
          </Button>
          <Text size="sm" c="dimmed" aria-live="polite">
            {found && `${plural(found.length, "model")} to pick from.`}
          </Text>
        </Group>
      )}
      <Unpriced names={unpriced(form.values.models, found)} served={channel?.models ?? []} />
      <FormFailure error={discovery.error} />
    </div>
  );
}

/** Asks for the prices that are not known; a model has its page once it is served. */
function Unpriced({ names, served }: { names: string[]; served: string[] }) {
  if (names.length === 0) return null;
  return (
    <Text size="sm" mt={6} role="note">
      No price is known of{" "}
      {names.map((name, index) => (
        <span key={name}>
          {index > 0 && ", "}
          {served.includes(name) ? (
            <Anchor inherit component={Link} to={`/model?model=${encodeURIComponent(name)}`}>
              {name}
            </Anchor>
          ) : (
            name
          )}
        </span>
      ))}
      . Enter it under{" "}
      <Anchor inherit component={Link} to="/model">
        Models
      </Anchor>{" "}
      once the channel is saved: until then calls show as not priced.
    </Text>
  );
}
