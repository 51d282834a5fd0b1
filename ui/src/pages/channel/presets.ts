// Providers that speak the OpenAI dialect, with the address of each.

export interface Preset {
  name: string;
  base_url: string;
}

export const PRESETS: Preset[] = [
  { name: "OpenAI", base_url: "https://api.openai.com/v1" },
  { name: "DeepSeek", base_url: "https://api.deepseek.com/v1" },
  { name: "Groq", base_url: "https://api.groq.com/openai/v1" },
  { name: "Mistral", base_url: "https://api.mistral.ai/v1" },
  { name: "OpenRouter", base_url: "https://openrouter.ai/api/v1" },
  { name: "vLLM", base_url: "http://127.0.0.1:8000/v1" },
  { name: "llama.cpp", base_url: "http://127.0.0.1:8080/v1" },
];
