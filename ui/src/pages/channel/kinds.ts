// The kinds of channels: what each is for, and what its form asks for. A further kind is a further row.
import type { ChannelKind } from "../../api/schema";

export interface Kind {
  label: string;
  /** What it is, in one line. */
  about: string;
  /** Where its provider is; null: nowhere. */
  address: Address | null;
  credential: Hint | null;
  /** The version of the provider's interface, where it has several; `example` is the usual one. */
  api_version: Hint | null;
  /** A model's name, as an example. */
  model: string;
}

export interface Hint {
  about: string;
  example: string;
}

interface Address extends Hint {
  /** `example` is where the provider is, if nothing else is said. */
  usual: boolean;
}

export const KINDS: Record<ChannelKind, Kind> = {
  openai: {
    label: "OpenAI or compatible",
    about: "OpenAI, or what speaks its dialect: DeepSeek, vLLM, …",
    address: {
      about: "Up to and including /v1. Blank: OpenAI's own.",
      example: "https://api.openai.com/v1",
      usual: true,
    },
    credential: { about: "The provider's API key; none for most servers of your own.", example: "sk-…" },
    api_version: null,
    model: "gpt-4o-mini",
  },
  anthropic: {
    label: "Anthropic",
    about: "Claude, by Anthropic's own interface.",
    address: {
      about: "Up to and including /v1. Blank: Anthropic's own.",
      example: "https://api.anthropic.com/v1",
      usual: true,
    },
    credential: { about: "An API key of the Anthropic console.", example: "sk-ant-…" },
    api_version: { about: "Goes before the one that a client names. Blank: the client's.", example: "2023-06-01" },
    model: "claude-sonnet-4-5",
  },
  gemini: {
    label: "Google Gemini",
    about: "Gemini, by the Gemini API of Google AI Studio.",
    address: {
      about: "Up to and including /v1beta. Blank: Google's own.",
      example: "https://generativelanguage.googleapis.com/v1beta",
      usual: true,
    },
    credential: { about: "An API key of Google AI Studio.", example: "AIza…" },
    api_version: null,
    model: "gemini-2.5-flash",
  },
  vertex: {
    label: "Google Vertex AI",
    about: "Gemini, Claude and open models in Google Cloud.",
    address: {
      about: "Names the project and the location, here us-east5; for global, the host has no location.",
      example: "https://us-east5-aiplatform.googleapis.com/v1/projects/my-project/locations/us-east5",
      usual: false,
    },
    credential: {
      about: "A service account's JSON key file, pasted whole; or an API key or access token.",
      example: '{"type": "service_account", …}',
    },
    api_version: { about: "Of Anthropic's interface there. Blank: the usual one.", example: "vertex-2023-10-16" },
    model: "gemini-2.5-flash",
  },
  bedrock: {
    label: "Amazon Bedrock",
    about: "Claude, gpt-oss and other models that take a chat, in AWS.",
    address: {
      about: "Names the region.",
      example: "https://bedrock-runtime.us-east-1.amazonaws.com",
      usual: false,
    },
    credential: {
      about: "An access key, with its session token if it is temporary; or a Bedrock API key.",
      example: "ACCESS_KEY_ID:SECRET[:SESSION_TOKEN]",
    },
    api_version: { about: "Of Anthropic's interface there. Blank: the usual one.", example: "bedrock-2023-05-31" },
    model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
  },
  "azure-openai": {
    label: "Azure OpenAI",
    about: "OpenAI's models in Azure, by deployment.",
    address: {
      about: "Of the resource; or with /openai/v1 at its end, which needs no version.",
      example: "https://my-resource.openai.azure.com",
      usual: false,
    },
    credential: { about: "One of the resource's two keys.", example: "a key of the resource" },
    api_version: { about: "Blank: the newest that is no preview.", example: "2024-10-21" },
    model: "gpt-4o-mini",
  },
  ollama: {
    label: "Ollama",
    about: "Models on your own machines, by Ollama.",
    address: {
      about: "Up to and including /v1. Blank: Ollama on this machine.",
      example: "http://localhost:11434/v1",
      usual: true,
    },
    credential: { about: "None, unless a proxy before it asks for one.", example: "none" },
    api_version: null,
    model: "llama3.2",
  },
  echo: {
    label: "Echo, built in",
    about: "Answers with the prompt's words, for trying out without a provider.",
    address: null,
    credential: null,
    api_version: null,
    model: "echo",
  },
};

/** In the order in which they are offered. */
export const KIND_NAMES = Object.keys(KINDS) as ChannelKind[];

/** A channel's provider, in few words: its kind says enough where it is the usual one, its address where there are many. */
export function providerOf({ kind, base_url }: { kind: ChannelKind; base_url: string }): string {
  if (kind === "openai") return base_url;
  const { label, address } = KINDS[kind];
  const usual = !address || (address.usual && base_url === address.example);
  return usual ? label : `${label} · ${base_url}`;
}
