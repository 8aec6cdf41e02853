// Clients that ask without reading, or never finish asking.
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { closeTestServers, testServer } from "../testing/test-server.js";
import { fixedGallery } from "./gallery/gallery.js";

afterEach(closeTestServers);

test("an answer that nobody reads counts as a request in work, and is given up after its time", async () => {
  // More than the network takes on the way.
  const world = { width: 3000, height: 2400, contextFrames: 1 };
  const gallery = fixedGallery([{ frames: new Uint8Array(world.width * world.height * 3), title: "black" }]);
  const server = await testServer({ gallery, limits: { requestsAtOnce: 1, unreadSeconds: 0.5 } }, { world });
  const opened = await server.http("POST", "/api/v1/sessions", { start: { kind: "gallery", id: "start-0" } });
  const { session, key } = (await opened.json()) as { session: string; key: string };
  const status = async (): Promise<number> => (await server.http("GET", "/health")).status;
  await vi.waitFor(async () => expect(await status()).toBe(200));
  const { port, hostname } = new URL(server.address);
  const lazy = connect(Number(port), hostname).pause();
  await once(lazy, "connect");
  lazy.write(
    `GET /api/v1/sessions/${session}/frames/0?format=rgb HTTP/1.1\r\nhost: ${hostname}\r\nx-session-key: ${key}\r\n\r\n`,
  );
  await vi.waitFor(async () => expect(await status()).toBe(429));
  await vi.waitFor(async () => expect(await status()).toBe(200), { timeout: 10_000, interval: 100 });
  lazy.destroy();
});

test("what takes long to compute is waited for, also on a connection that has answered before", async () => {
  const server = await testServer({ limits: { unreadSeconds: 0.1 } }, { frameMilliseconds: 300 });
  const opened = await server.http("POST", "/api/v1/sessions", { start: { kind: "gallery", id: "start-0" } });
  const { session, key } = (await opened.json()) as { session: string; key: string };
  for (let i = 0; i < 2; i++) {
    const step = await server.http(
      "POST",
      `/api/v1/sessions/${session}/step`,
      { actions: [{}] },
      { "x-session-key": key },
    );
    expect([step.status, (await step.arrayBuffer()).byteLength > 144]).toEqual([200, true]);
  }
});

test("a request that does not arrive is given up after its time", async () => {
  const server = await testServer({ limits: { requestSeconds: 0.2 } });
  const { port, hostname } = new URL(server.address);
  const slow = connect(Number(port), hostname).resume();
  slow.write(`POST /api/v1/uploads HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 1000\r\n\r\nhalf`);
  await once(slow, "close");
  expect((await server.http("GET", "/health")).status).toBe(200);
});
