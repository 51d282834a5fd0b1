// Writes `.br` and `.gz` siblings beside every text asset of the build, so that the gateway serves them as they are.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = /\.(html|js|css|svg|json)$/;
const SMALLEST = 1024;

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}

function compressFile(path: string) {
  const plain = readFileSync(path);
  if (plain.length < SMALLEST) return;
  const brotli = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  writeFileSync(`${path}.br`, brotliCompressSync(plain, { params: brotli }));
  writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
}

export function compress(): Plugin {
  let folder = "";
  return {
    name: "real200:compress",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const path of filesOf(folder)) if (TEXT.test(path)) compressFile(path);
    },
  };
}
