// Whoever is told by a webhook: takes what comes on a free port, and remembers it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Received {
  signature: string;
  body: string;
}

export interface Receiver {
  url: string;
  received: Received[];
  stop: () => Promise<void>;
}

/** Answers everything with `status`. */
export async function startReceiver(status: number): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    received.push({ signature: String(request.headers["x-real200-signature"]), body: await text(request) });
    response.writeHead(status, { "content-type": "text/plain" });
    response.end(status < 300 ? "" : "Nobody is on call.");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}
