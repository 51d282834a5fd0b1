// Starts the real binary on a free port with a data directory of its own, and stops it again.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type APIRequestContext, test as base, request } from "@playwright/test";

export const ADMIN = { username: "admin", password: "correct horse battery staple" };
const START_WITHIN = 30_000;

export interface Gateway {
  /** `http://127.0.0.1:PORT` */
  origin: string;
  /** All that it printed. */
  printed: () => string;
  stop: () => Promise<void>;
}

function binary(): string {
  const candidates = [process.env.REAL200_BIN, "../target/release/real200", "../target/debug/real200"];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error("There is no binary. Run `cargo build --release`, or set REAL200_BIN.");
  return resolve(found);
}

export async function startGateway(environment: Record<string, string>): Promise<Gateway> {
  const data = mkdtempSync(join(tmpdir(), "real200-e2e-"));
  const child = spawn(binary(), ["--listen", "127.0.0.1:0", "--data-dir", join(data, "data")], {
    cwd: data,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const stop = async () => {
    await end(child);
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const origin = await originPrinted(child, () => output);
    return { origin, printed: () => output, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function originPrinted(child: ChildProcess, printed: () => string): Promise<string> {
  const deadline = Date.now() + START_WITHIN;
  while (Date.now() < deadline && child.exitCode === null) {
    const origin = /(http:\/\/127\.0\.0\.1:\d+)\/console/.exec(printed())?.[1];
    if (origin) return origin;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`The gateway did not say where its console is. It printed:\n${printed()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((wake) => child.once("exit", wake));
  child.kill("SIGTERM");
  await ended;
}

/** Providers and receivers of the tests are on this machine. */
const reachesThisMachine = { REAL200_OUTBOUND__ALLOW_PRIVATE: '["127.0.0.0/8"]' };

export const withAdmin = { REAL200_ADMIN_USERNAME: ADMIN.username, REAL200_ADMIN_PASSWORD: ADMIN.password };

type Session = Awaited<ReturnType<APIRequestContext["storageState"]>>;

/** The cookies of someone who has logged in. */
export async function logIn(origin: string, who: { username: string; password: string }): Promise<Session> {
  const client = await request.newContext({ baseURL: origin });
  const answer = await client.post("/api/session", { data: who });
  if (!answer.ok()) throw new Error(`${who.username} cannot log in: ${answer.status()} ${await answer.text()}`);
  const session = await client.storageState();
  await client.dispose();
  return session;
}

/** Nobody is logged in. */
export const STRANGER: Session = { cookies: [], origins: [] };

/** Tests that share one gateway for each worker, and are logged in as its admin unless they say otherwise. */
export const test = base.extend<{ baseURL: string }, { gateway: Gateway; adminSession: Session }>({
  gateway: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from the pattern.
    async ({}, use) => {
      const gateway = await startGateway({ ...withAdmin, ...reachesThisMachine });
      await use(gateway);
      await gateway.stop();
    },
    { scope: "worker" },
  ],
  adminSession: [async ({ gateway }, use) => use(await logIn(gateway.origin, ADMIN)), { scope: "worker" }],
  baseURL: ({ gateway }, use) => use(gateway.origin),
  storageState: ({ adminSession }, use) => use(adminSession),
});

export { expect } from "@playwright/test";
