import react from "@vitejs/plugin-react";
import preset from "postcss-preset-mantine";
import { defineConfig } from "vitest/config";
import { compress } from "./build/compress.ts";

const gateway = "http://127.0.0.1:3000";

export default defineConfig({
  base: "/console/",
  plugins: [react(), compress()],
  css: { postcss: { plugins: [preset()] } },
  build: {
    target: "es2023",
    emptyOutDir: true,
    // A data: URI would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": gateway, "/v1": gateway, "/openapi.json": gateway } },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
