// Playing through the server while the engine's process is killed again and again: the player gets every frame, and the same ones.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineProcess, engineProcess } from "@vid2world/world/serving/engine-process";
import { fixedGallery } from "@vid2world/world/serving/server/gallery/gallery";
import { type RunningServer, startServer } from "@vid2world/world/serving/server/start-server";
import { TestClient } from "@vid2world/world/serving/testing/play-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveDebugWorld } from "./debug-world.js";

let folder = "";
let engine: EngineProcess;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-killed-"));
  const channels = [{ name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: {} }] as const;
  await saveDebugWorld(folder, {
    name: "debug",
    frame: { width: 16, height: 16 },
    channels: channels.map((channel) => ({ ...channel, range: [-1, 1] })),
  });
  engine = await engineProcess({ world: folder, onEvent: (event) => server?.engineEvent(event) });
  const frames = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => i % 256);
  server = await startServer({ engine, gallery: fixedGallery([{ frames, title: "numbers" }]) });
});
afterAll(async () => {
  await server?.close();
  await engine?.shutdown();
  await rm(folder, { recursive: true, force: true });
});

const KILLS = Number(process.env["VID2WORLD_KILLS"] ?? 2);
const frames = KILLS * 4;
/** An engine that dies again and again is started later and later, at last every ten seconds. */
const timeout = 60_000 + 15_000 * KILLS;

/** Frames of a session; the engine is killed while every fourth is drawn. */
async function play(kill: boolean): Promise<{ pixels: Uint8Array[]; restored: number }> {
  const client = await TestClient.connect(server.address);
  await client.open({ seed: 5 });
  const pixels: Uint8Array[] = [];
  for (let t = 0; t < frames; t++) {
    const frame = client.step({ forward: Math.sin(t) });
    if (kill && t % 4 === 2 && engine.pid !== undefined) process.kill(engine.pid, "SIGKILL");
    pixels.push((await frame).pixels);
  }
  const restored = client.received.filter(({ type }) => type === "restored").length;
  client.send({ type: "close", request: 1e6 });
  await client.next("closed");
  await client.end();
  return { pixels, restored };
}

test("kill -9 of the engine during play loses no frame, and the player is told", { timeout }, async () => {
  const calm = await play(false);
  const disturbed = await play(true);
  expect(disturbed.pixels).toEqual(calm.pixels);
  expect(disturbed.restored).toBeGreaterThan(0);
});
