// The models, one a row.
import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Model } from "../../api/schema";
import { type Column, DataTable } from "../../components/DataTable";
import { formatShort } from "../../components/format/count";
import { formatPrice } from "../../components/format/money";

interface ModelsTableProps {
  models: Model[] | undefined;
  /** Only an administrator may set prices. */
  onOpen?: (model: Model) => void;
}

export function ModelsTable({ models, onOpen }: ModelsTableProps) {
  const columns: Column<Model>[] = [
    { name: "Model", title: true, cell: (model) => <ModelName model={model} opens={onOpen !== undefined} /> },
    { name: "Input", number: true, cell: (model) => formatPrice(model.input_usd_per_mtok) },
    { name: "Cached input", number: true, cell: (model) => formatPrice(model.cached_input_usd_per_mtok) },
    { name: "Output", number: true, cell: (model) => formatPrice(model.output_usd_per_mtok) },
    {
      name: "Context",
      number: true,
      cell: (model) => (model.context_tokens == null ? "—" : formatShort(model.context_tokens)),
    },
    { name: "Price from", cell: (model) => <PriceSource model={model} /> },
    { name: "Channels", cell: (model) => model.channels?.map((channel) => channel.name).join(", ") || "none" },
  ];
  return (
    <DataTable
      label="Models"
      columns={columns}
      rows={models}
      rowKey={(model) => model.name}
      {...(onOpen && { onOpen })}
    />
  );
}

function ModelName({ model, opens }: { model: Model; opens: boolean }) {
  return (
    <div style={{ minWidth: 0 }}>
      <Name model={model} opens={opens} />
      {model.fallbacks.length > 0 && (
        <Text size="xs" c="dimmed" truncate>
          then {model.fallbacks.join(", ")}
        </Text>
      )}
    </div>
  );
}

function Name({ model, opens }: { model: Model; opens: boolean }) {
  if (!opens)
    return (
      <Text inherit fw={550}>
        {model.name}
      </Text>
    );
  return (
    <Anchor inherit c="inherit" fw={550} component={Link} to={{ search: `model=${encodeURIComponent(model.name)}` }}>
      {model.name}
    </Anchor>
  );
}

function PriceSource({ model }: { model: Model }) {
  if (!model.priced)
    return (
      <Text inherit c="dimmed">
        not priced
      </Text>
    );
  if (model.source === "own") return "own price";
  if (model.source === "config") return model.config_file ?? "configuration";
  const taken = model.taken_on ? `catalogue, ${model.taken_on}` : "catalogue";
  if (!model.source_url) return taken;
  return (
    <Anchor inherit href={model.source_url} target="_blank" rel="noreferrer">
      {taken}
    </Anchor>
  );
}
