// The gateway's endpoints, by the words that permissions use.
import type { Endpoint } from "../../api/schema";

/** What each stands for. A new one of the gateway does not type-check until it stands here. */
export const ENDPOINT_ROUTES: Record<Endpoint, string> = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
  generate_content: "/v1beta/models/…:generateContent, :streamGenerateContent",
  completions: "/v1/completions",
  embeddings: "/v1/embeddings",
  embed_content: "/v1beta/models/…:embedContent, :batchEmbedContents",
  moderations: "/v1/moderations",
  rerank: "/v1/rerank",
  images: "/v1/images/generations",
  image_edits: "/v1/images/edits",
  speech: "/v1/audio/speech",
  transcriptions: "/v1/audio/transcriptions",
  translations: "/v1/audio/translations",
  realtime: "/v1/realtime",
  count_tokens: "/v1/messages/count_tokens, /v1beta/models/…:countTokens",
};

/** In the order in which they are offered. */
export const ENDPOINTS = Object.keys(ENDPOINT_ROUTES) as Endpoint[];
