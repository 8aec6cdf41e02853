// A server on a free port with arithmetic in place of a world, for tests.

import { type RunningServer, type ServerOptions, startServer } from "../server/start-server.js";
import { fixedGallery } from "../server/gallery/gallery.js";
import { type ArithmeticEngine, type ArithmeticEngineOptions, arithmeticEngine } from "./arithmetic-engine.js";
import { TestClient } from "./play-client.js";

/** A server of a test and its engine. */
export interface TestServer extends RunningServer {
  readonly engine: ArithmeticEngine;
  connect(): Promise<TestClient>;
  /** An HTTP request; objects are sent as JSON. */
  http(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** Two frames of 8x6 to start from. */
export const testStart = { frames: Uint8Array.from({ length: 2 * 8 * 6 * 3 }, (_, i) => i % 251), title: "numbers" };

const running: TestServer[] = [];

/** Ends all servers of a test, for `afterEach`. */
export async function closeTestServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.close()));
}

/** Starts one. */
export async function testServer(
  options: Partial<ServerOptions> = {},
  engineOptions: ArithmeticEngineOptions = {},
): Promise<TestServer> {
  const engine = arithmeticEngine(engineOptions);
  const server = await startServer({ engine, gallery: fixedGallery([testStart]), ...options });
  const test: TestServer = {
    ...server,
    engine,
    connect: () => TestClient.connect(server.address),
    http: (method, path, body, headers = {}) => {
      const bytes = body instanceof Uint8Array;
      const type = bytes ? "application/octet-stream" : "application/json";
      return fetch(`${server.address}${path}`, {
        method,
        redirect: "manual",
        headers: { ...(body !== undefined && { "content-type": type }), ...headers },
        ...(body !== undefined && { body: bytes ? Buffer.from(body) : JSON.stringify(body) }),
      });
    },
  };
  running.push(test);
  return test;
}
