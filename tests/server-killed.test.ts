// `vid2world play` as users start it, killed with its engine (`kill -9`) at any moment while it is played, and started again on the same folder:
// the session goes on with every frame that its player has seen, and where that has gone, as if nobody had killed anything.
// VID2WORLD_SERVER_KILLS=20 kills it so often; VID2WORLD_KILL_SEED repeats the moments of a run that failed.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServedProcess, startServed } from "@vid2world/cli/bench/soak/served-process";
import { writeImage } from "@vid2world/formats";
import { TestClient } from "@vid2world/world/serving/testing/play-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveDebugWorld } from "./debug-world.js";

const KILLS = Number(process.env["VID2WORLD_SERVER_KILLS"] ?? 4);
const SEED = Number(process.env["VID2WORLD_KILL_SEED"] ?? Date.now() % 1e6);
/** Steps before the first kill, so that the session is saved whole again (after 64) while it is killed, and steps asked for before each. */
const CALM = 56;
const STEPS = 24;

let folder = "";
let served: ServedProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-server-killed-"));
  const channels = [
    { name: "forward", kind: "continuous", range: [-1, 1] as [number, number], rest: 0, keys: {} } as const,
  ];
  await saveDebugWorld(join(folder, "world"), {
    name: "debug",
    frame: { width: 16, height: 16 },
    channels: [...channels],
  });
  const data_HWC = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => i % 256);
  await writeImage(join(folder, "start.png"), { data_HWC, width: 16, height: 16 });
});
afterAll(async () => {
  await served?.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = async (): Promise<ServedProcess> => {
  const files = { folder, world: join(folder, "world"), starts: join(folder, "start.png") };
  return (served = await startServed({ ...files, sessions: 2, threads: 1 }));
};
const action = (t: number): { forward: number } => ({ forward: Math.sin(t) });

/** Frames by the number of their node, of steps `from` to `to` - 1, all of which are asked for at once; those that came before the connection ended. */
async function play(client: TestClient, from: number, to: number, seen: Map<number, Uint8Array>): Promise<void> {
  const first = client.number();
  for (let t = from; t < to; t++) client.send({ type: "step", request: first + t, action: action(t) });
  for (let t = from; t < to; t++) {
    const frame = await client.next("frame", first + t).catch(() => undefined);
    if (!frame) return;
    seen.set(frame.node, frame.pixels);
  }
}

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test(
  `kill -9 of the server at any moment loses no frame that was seen (moments by ${SEED})`,
  { timeout: 60_000 + KILLS * 20_000 },
  async () => {
    const random = seeded(SEED);
    const seen = new Map<number, Uint8Array>();
    let server = await start();
    let client = await TestClient.connect(server.address);
    const { session, key, nodes } = await client.open({ seed: 5 });
    const context = nodes.length;
    let [drawn, lost] = [CALM, 0];
    const goTo = async (node: number): Promise<void> => {
      const request = client.number();
      client.send({ type: "goto", request, node });
      await client.next("state", request);
    };
    await play(client, 0, CALM, seen);
    for (let kill = 0; kill < KILLS; kill++) {
      const engine = await server.enginePid();
      // Every fourth player has gone back and looks around.
      const back = kill % 4 === 1 ? context + kill : undefined;
      const playing = back === undefined ? play(client, drawn, drawn + STEPS, seen) : goTo(back);
      // Some are killed before their first frame, some after their last.
      await (back === undefined ? new Promise((resolve) => setTimeout(resolve, random() * 250)) : playing);
      process.kill(server.pid, "SIGKILL");
      await playing;
      await expect.poll(() => engine === undefined || isGone(engine), { timeout: 20_000 }).toBe(true);
      server = await start();
      client = await TestClient.connect(server.address);
      client.send({ type: "resume", request: client.number(), protocol: 1, session, key, format: "rgb" });
      const again = await client.next("opened");
      drawn = again.nodes.length - context;
      lost += [...seen.keys()].filter((node) => node >= again.nodes.length).length;
      expect(again.nodes.map(({ node }) => node)).toEqual(again.nodes.map((_, i) => i));
      expect(again.state.node).toBe(back ?? again.nodes.length - 1);
      if (back !== undefined) await goTo(again.nodes.length - 1);
    }
    expect(lost).toBe(0);
    await play(client, drawn, drawn + 4, seen);

    const calm = await TestClient.connect(server.address);
    await calm.open({ seed: 5 });
    const undisturbed = new Map<number, Uint8Array>();
    await play(calm, 0, drawn + 4, undisturbed);
    expect(undisturbed.size).toBe(drawn + 4);
    for (const [node, pixels] of undisturbed) {
      // Who was away when a frame came looks back at it.
      const picture = `${server.address}/api/v1/sessions/${session}/frames/${node}?format=rgb`;
      const kept = new Uint8Array(await (await fetch(picture, { headers: { "x-session-key": key } })).arrayBuffer());
      expect([node, kept]).toEqual([node, pixels]);
      expect([node, seen.get(node) ?? pixels]).toEqual([node, pixels]);
    }
    await Promise.all([client.end(), calm.end()]);
  },
);

/** Numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
