// The engine in a process of its own: a crash changes no frame.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setNumThreads } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveWorld } from "../world-folder.js";
import type { Engine, EngineError, EngineStart } from "./engine.js";
import { type EngineEvent, type EngineProcess, engineProcess } from "./engine-process.js";
import { tinyParts, tinySettings as settings, tinyStart, tinyWorld } from "./testing/tiny-world.js";
import { worldEngine } from "./world-engine.js";

let folder = "";
let engine: EngineProcess;
const events: EngineEvent[] = [];
beforeAll(async () => {
  setNumThreads(1);
  folder = await mkdtemp(join(tmpdir(), "vid2world-engine-"));
  const { config, unet, autoencoder } = tinyParts();
  await saveWorld(folder, config, { unet, autoencoder });
  const onEvent = (event: EngineEvent): void => void events.push(event);
  engine = await engineProcess({ world: folder, threads: 1, restartAfter: 10, keepEvery: 4, onEvent });
});
afterAll(async () => {
  await engine.shutdown();
  await rm(folder, { recursive: true, force: true });
});

const actions = [1, -1, 0.5, 0, 1, 1, -0.5, 0.25, 1];

/** The frames of an engine that nothing happens to. */
async function undisturbed(start: EngineStart): Promise<Uint8Array[]> {
  const calm = worldEngine(tinyWorld());
  await calm.open("a", start);
  const shown: Uint8Array[] = [];
  for (const [i, value] of actions.entries())
    shown.push((await calm.step({ session: "a", from: 1 + i, action: [value, 0], settings })).pixels);
  await calm.shutdown();
  return shown;
}

test("a process that is killed three times during play loses no frame and changes none", async () => {
  const sessions = ["a", "b"].map((name, i) => ({ name, start: tinyStart(i) }));
  await Promise.all(sessions.map(({ name, start }) => engine.open(name, start)));
  const played = await Promise.all(
    sessions.map(async ({ name }) => {
      const shown: Uint8Array[] = [];
      for (const [i, value] of actions.entries()) {
        const next = engine.step({ session: name, from: 1 + i, action: [value, 0], settings });
        if (name === "a" && i % 3 === 1) process.kill(engine.pid ?? 0, "SIGKILL");
        const { pixels, node } = await next;
        expect(node).toBe(2 + i);
        shown.push(Uint8Array.from(pixels));
      }
      return shown;
    }),
  );
  for (const [i, { start }] of sessions.entries()) expect(played[i]).toEqual(await undisturbed(start));
  expect(events.filter(({ kind }) => kind === "lost")).toHaveLength(3);
  expect(events).toContainEqual({ kind: "restored", session: "a" });
  expect(Uint8Array.from(await engine.picture("a", 4))).toEqual(played[0]?.[2]);
  expect((await engine.load()).sessions).toBe(2);
});

test("a step that kills every life is given up, and changes nothing for who plays beside it", async () => {
  const lives: number[] = [];
  const own: EngineProcess = await engineProcess({
    ...{ world: folder, threads: 1, restartAfter: 10, mostDeaths: 3 },
    onEvent(event) {
      if (event.kind === "started") lives.push(event.pid);
      // Whoever puts this session back is about to have its step computed.
      if (event.kind === "restored" && event.session === "fatal") process.kill(lives.at(-1) ?? 0, "SIGKILL");
    },
  });
  const [fatal, calm] = [tinyStart(1), tinyStart(2)];
  await Promise.all([own.open("fatal", fatal), own.open("calm", calm)]);
  const step = (session: string, i: number) =>
    own.step({ session, from: 1 + i, action: [actions[i] ?? 0, 0], settings });
  const given = expect(step("fatal", 0)).rejects.toMatchObject({
    code: "failed",
    message: expect.stringContaining("3 times while it was asked this") as string,
  });
  const beside = step("calm", 0);
  process.kill(own.pid ?? 0, "SIGKILL");
  const shown = [await beside];
  await given;
  for (const i of [1, 2]) shown.push(await step("calm", i));
  expect(shown.map(({ pixels }) => Uint8Array.from(pixels))).toEqual((await undisturbed(calm)).slice(0, 3));
  expect(lives).toHaveLength(4);
  await own.shutdown();
});

test("a process that hangs is killed and started again, and its load is told meanwhile", async () => {
  const lost: string[] = [];
  const onEvent = (event: EngineEvent): void => void (event.kind === "lost" && lost.push(event.reason));
  const own = await engineProcess({ world: folder, threads: 1, restartAfter: 10, hangAfter: 1600, onEvent });
  await own.open("a", tinyStart(0));
  process.kill(own.pid ?? 0, "SIGSTOP");
  const frame = own.step({ session: "a", from: 1, action: [1, 0], settings });
  expect(await own.load()).toMatchObject({ engines: 1, sessions: 1 });
  expect((await frame).node).toBe(2);
  expect(lost).toEqual(["the engine's process was killed, as it said nothing for 1.6 s"]);
  await own.shutdown();
});

test("what is held meanwhile is what a frame is drawn with, also where the process has to come back first", async () => {
  const start = tinyStart(3);
  await engine.open("held", start);
  const step = (from: number) => engine.step({ session: "held", from, action: "held", settings });
  const hold = (value: number) => engine.hold("held", { row: [value, 0], sequence: 1, received: 0 });
  await hold(actions[0] ?? 0);
  const first = await step(1);
  process.kill(engine.pid ?? 0, "SIGKILL");
  const second = step(first.node);
  await hold(actions[1] ?? 0);
  expect((await second).action).toEqual([actions[1], 0]);
  expect([first, await second].map(({ pixels }) => Uint8Array.from(pixels))).toEqual(
    (await undisturbed(start)).slice(0, 2),
  );
  await engine.close("held");
});

// Six frames: the parent's memory is that of the fourth then.
test.each([{}, { quick: true }])("a session moves to another engine by its snapshot, and back: %o", async (how) => {
  const start = tinyStart(9);
  const step = async (of: Engine, i: number): Promise<Uint8Array> =>
    (await of.step({ session: "c", from: 1 + i, action: [actions[i] ?? 0, 0], settings })).pixels;
  await engine.open("c", start);
  for (let i = 0; i < 6; i++) await step(engine, i);
  const other = worldEngine(tinyWorld());
  expect(engine.world).toEqual(other.world);
  await other.restore("c", await engine.snapshot("c", how));
  await engine.close("c");
  await step(other, 6);
  await engine.restore("c", await other.snapshot("c", how));
  expect(Uint8Array.from(await step(engine, 7))).toEqual((await undisturbed(start))[7]);
  await engine.close("c");
  await other.shutdown();
});

test("a request at fault is refused with its code, and a world that cannot be loaded with the reason", async () => {
  const refused = (promise: Promise<unknown>): Promise<EngineError> =>
    promise.then(
      () => expect.fail(),
      (error: EngineError) => error,
    );
  expect((await refused(engine.step({ session: "none", from: 0, action: [0, 0], settings }))).code).toBe(
    "unknown-session",
  );
  expect((await refused(engine.step({ session: "a", from: 0, action: [7, 0], settings }))).code).toBe("bad-action");
  expect((await refused(engine.restore("d", new Uint8Array(50)))).code).toBe("bad-snapshot");
  expect((await refused(engineProcess({ world: join(folder, "absent") }))).message).toMatch(/no such world/);
});
