// The engine in this process: what a node shows depends on the path to it alone, whatever else the engine did and holds.
import { OutOfMemoryError, liveBytes, liveTensors, setNumThreads } from "@vid2world/torch";
import { expect, test } from "vitest";
import type { EngineError, KeptFrame } from "./engine.js";
import { tinySettings, tinyStart, tinyWorld } from "./testing/tiny-world.js";
import { type WorldEngine, type WorldEngineOptions, worldEngine } from "./world-engine.js";

setNumThreads(1);
const world = tinyWorld();
const settings = tinySettings;
const engineOf = (options: WorldEngineOptions = {}): WorldEngine => worldEngine(world, options);

/** Plays actions from a node on. -> pixels of every frame, and the last node */
async function play(
  engine: WorldEngine,
  session: string,
  from: number,
  forward: readonly number[],
  chosen = settings,
): Promise<{ pixels: Uint8Array[]; node: number }> {
  const pixels: Uint8Array[] = [];
  let at = from;
  for (const value of forward) {
    const frame = await engine.step({ session, from: at, action: [value, 0], settings: chosen });
    pixels.push(frame.pixels);
    at = frame.node;
  }
  return { pixels, node: at };
}

const actions = [1, -1, 0.5, 0, 1, 1, -0.5, 0.25];

/** Frames by the world model itself. */
function reference(seed: number, forward: readonly number[]): Uint8Array[] {
  const { frames, actions: given } = tinyStart(seed);
  world.reset({ frames, ...(given && { actions: given }) }, { seed });
  const shown = forward.map((value) => world.step([value, 0]));
  world.dispose();
  return shown;
}

test("a session shows the very frames that the world model draws", async () => {
  const engine = engineOf();
  await engine.open("a", tinyStart(7));
  const { pixels, node } = await play(engine, "a", 1, actions);
  expect(pixels).toEqual(reference(7, actions));
  expect(new Set(pixels.map(String)).size).toBe(actions.length);
  expect(node).toBe(actions.length + 1);
  await engine.shutdown();
});

test("rewinding, branching and holding nothing but the newest state change no frame", async () => {
  for (const limits of [{}, { sessionBytes: 0 }, { sessionBytes: 0, keyframeEvery: 1 }, { keyframeEvery: 3 }]) {
    const engine = engineOf(limits);
    await engine.open("a", tinyStart(7));
    const straight = await play(engine, "a", 1, actions);
    const branch = [...actions.slice(0, 3), -1, -1, 0.75];
    // Node 4 is the frame after the third action.
    expect((await play(engine, "a", 4, branch.slice(3))).pixels).toEqual(reference(7, branch).slice(3));
    expect((await play(engine, "a", 6, actions.slice(5))).pixels).toEqual(straight.pixels.slice(5));
    expect((await play(engine, "a", 1, actions.slice(0, 2))).pixels).toEqual(straight.pixels.slice(0, 2));
    await engine.shutdown();
  }
});

/** Three sessions play at once, the third from a later frame. -> pixels by session, and the sizes of the passes */
async function together(engine: WorldEngine): Promise<{ pixels: Uint8Array[][]; largest: number }> {
  const seeds = [1, 2, 3];
  await Promise.all(seeds.map((seed) => engine.open(`s${seed}`, tinyStart(seed))));
  const ahead = await play(engine, "s3", 1, actions.slice(0, 2));
  const batches: number[] = [];
  const pixels = await Promise.all(
    seeds.map(async (seed) => {
      const shown = seed === 3 ? [...ahead.pixels] : [];
      let at = seed === 3 ? ahead.node : 1;
      for (const value of actions.slice(shown.length)) {
        const frame = await engine.step({ session: `s${seed}`, from: at, action: [value, 0], settings });
        shown.push(frame.pixels);
        batches.push(frame.batch);
        at = frame.node;
      }
      return shown;
    }),
  );
  await engine.shutdown();
  return { pixels, largest: Math.max(...batches) };
}

const alone7 = reference(7, actions);
const alone = [1, 2, 3].map((seed) => reference(seed, actions));

test("sessions that step at once see what they would see alone", async () => {
  expect((await together(engineOf())).pixels).toEqual(alone);
  expect(await together(engineOf({ batching: "never" }))).toEqual({ pixels: alone, largest: 1 });
});

test("a pass holds sessions at different frames, with seeds and actions of their own", async () => {
  const { pixels, largest } = await together(engineOf({ batching: "always" }));
  expect(largest).toBe(3);
  const far = pixels.flatMap((shown, i) => shown.map((frame, t) => farthest(frame, alone[i]?.[t] ?? frame)));
  expect(Math.max(...far)).toBeLessThanOrEqual(2);
});

const farthest = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0);

test("settings are a frame's own, and other settings do not share a pass", async () => {
  const engine = engineOf();
  await Promise.all(["a", "b"].map((name) => engine.open(name, tinyStart(5))));
  const guided = { ...settings, guidanceScale: 3 };
  const step = (session: string, from: number, of: typeof settings) =>
    engine.step({ session, from, action: [1, 0], settings: of });
  const [plain, strong] = await Promise.all([step("a", 1, settings), step("b", 1, guided)]);
  expect(strong.pixels).not.toEqual(plain.pixels);
  expect((await step("b", 1, settings)).pixels).toEqual(plain.pixels);
  expect((await step("a", 1, guided)).pixels).toEqual(strong.pixels);
  await engine.shutdown();
});

test("a frame may have a seed of its own, which the frames after it remember as they do any other", async () => {
  const engine = engineOf({ snapshotBytes: 0 });
  await engine.open("a", tinyStart(5));
  const seeds = [undefined, 9, 9, undefined, 9] as const;
  const path: { pixels: Uint8Array; node: number }[] = [];
  for (const [i, seed] of seeds.entries()) {
    const own = { ...settings, ...(seed !== undefined && { seed }) };
    const { pixels, node } = await engine.step({ session: "a", from: 1 + i, action: [1, 0], settings: own });
    path.push({ pixels, node });
  }
  const usual = await play(engine, "a", 1, [1, 1]);
  expect(path[0]?.pixels).toEqual(usual.pixels[0]);
  expect(path[1]?.pixels).not.toEqual(usual.pixels[1]);
  const own = await engine.step({ session: "a", from: 2, action: [1, 0], settings: { ...settings, seed: 5 } });
  expect(own.pixels).toEqual(usual.pixels[1]); // the session's seed, said
  // Nothing is held of it: what is computed again has the same bytes.
  const other = engineOf({ sessionBytes: 0 });
  await other.restore("b", await engine.snapshot("a"));
  const again = await other.step({ session: "b", from: 5, action: [1, 0], settings: { ...settings, seed: 9 } });
  expect(again.pixels).toEqual(path[4]?.pixels);
  await Promise.all([engine.shutdown(), other.shutdown()]);
});

test("pictures of earlier frames are those that were shown, and context frames those that were given", async () => {
  const engine = engineOf();
  await engine.open("a", tinyStart(7));
  const { pixels } = await play(engine, "a", 1, actions.slice(0, 2));
  expect(await engine.picture("a", 2)).toEqual(pixels[0]);
  expect(await engine.picture("a", 1)).toEqual(tinyStart(7).frames.slice(14 * 10 * 3));
  await engine.shutdown();
});

test("a frame waits for one picture of somebody's past, not for all that were asked for before it", async () => {
  const engine = engineOf();
  await Promise.all(["a", "b"].map((name) => engine.open(name, tinyStart(7))));
  await play(engine, "b", 1, [1]);
  const order: string[] = [];
  const pictures = Array.from({ length: 8 }, () => engine.picture("b", 2).then(() => order.push("picture")));
  const frame = engine.step({ session: "a", from: 1, action: [1, 0], settings }).then(() => order.push("frame"));
  await Promise.all([...pictures, frame]);
  expect(order.indexOf("frame")).toBeLessThanOrEqual(2);
  await engine.shutdown();
});

test("a frame by what is held takes what is held when its pass begins, not when it was asked for", async () => {
  const engine = engineOf();
  await engine.open("a", tinyStart(7));
  const step = { session: "a", from: 1, action: "held", settings } as const;
  expect((await engine.step(step)).action).toEqual([0, 0]); // nothing is
  const holding = (value: number) => ({ row: [value, 0], sequence: 10 * value, received: 5 });
  await engine.hold("a", holding(-1));
  const frame = engine.step(step);
  await engine.hold("a", holding(1));
  expect(await frame).toMatchObject({ action: [1, 0], held: holding(1) });
  expect((await frame).pixels).toEqual(reference(7, [1])[0]);
  await expect(engine.hold("a", { ...holding(0), row: [7, 0] })).rejects.toMatchObject({ code: "bad-action" });
  await engine.hold("a", undefined);
  expect(await engine.step(step)).toMatchObject({ action: [0, 0] });
  await engine.shutdown();
});

test("whoever asks for many pictures of the past waits behind whoever asks for one", async () => {
  const engine = engineOf();
  await Promise.all(["a", "b"].map((name) => engine.open(name, tinyStart(7))));
  await play(engine, "a", 1, [1]);
  await play(engine, "b", 1, [1]);
  const order: string[] = [];
  const look = (name: string) => engine.picture(name, 2).then(() => order.push(name));
  await Promise.all([look("a"), look("a"), look("a"), look("a"), look("b"), look("b")]);
  expect(order.indexOf("b")).toBeLessThanOrEqual(1);
  expect(order.lastIndexOf("b")).toBeLessThanOrEqual(3);
  await engine.shutdown();
});

test("a session goes on from frames that were kept as it would have gone on itself", async () => {
  const [first, second] = [engineOf(), engineOf()];
  await Promise.all([first, second].map((engine) => engine.open("a", tinyStart(7))));
  const kept: KeptFrame[] = [];
  for (const [i, value] of actions.slice(0, 6).entries())
    kept.push({ ...(await first.step({ session: "a", from: i === 4 ? 2 : i + 1, action: [value, 0], settings })), settings }); // prettier-ignore
  await second.append("a", kept.slice(0, 3));
  await second.append("a", kept); // those that it has are passed over
  const next = { session: "a", from: 7, action: [1, 0], settings };
  expect((await second.step(next)).pixels).toEqual((await first.step(next)).pixels);
  expect(await second.picture("a", 4)).toEqual(await first.picture("a", 4));
  const [last] = kept.slice(-1) as [KeptFrame];
  await expect(second.append("a", [{ ...last, node: 20 }])).rejects.toMatchObject({ code: "bad-snapshot" });
  await Promise.all([first, second].map((engine) => engine.shutdown()));
});

test("where memory runs out, what others can do without is freed; then that step alone fails, and changes no frame", async () => {
  const short = tinyWorld();
  const streaming = short.streaming ?? expect.fail();
  const predict = streaming.predict.bind(streaming);
  let left = 0;
  const scarce: typeof predict = (...given) => {
    if (left-- > 0) throw new OutOfMemoryError("alloc: no memory");
    return predict(...given);
  };
  Object.assign(streaming, { predict: scarce });
  const engine = worldEngine(short, { batching: "always" });
  await Promise.all(["a", "b"].map((name) => engine.open(name, tinyStart(7))));
  await play(engine, "b", 1, actions.slice(0, 2));
  const { sessionBytes } = await engine.load();
  left = 1;
  const step = (session: string, from: number, value: number) =>
    engine.step({ session, from, action: [value, 0], settings });
  expect((await step("a", 1, 1)).pixels).toEqual(alone7[0]);
  expect((await engine.load()).sessionBytes).toBeLessThan(sessionBytes);
  left = 2;
  await expect(step("a", 2, -1)).rejects.toMatchObject({ name: "EngineError", code: "out-of-memory" });
  expect((await step("a", 2, -1)).pixels).toEqual(alone7[1]);
  expect((await step("b", 3, 0.5)).pixels).toEqual(alone7[2]);
  left = 1; // what fails for two is tried for each
  const both = await Promise.all([step("a", 3, 0.5), step("b", 4, 0)]);
  expect(both.map(({ pixels }) => pixels)).toEqual([alone7[2], alone7[3]]);
  await engine.shutdown();
});

test("what is wrong with a request is said by its code, and harms no session", async () => {
  const engine = engineOf();
  await engine.open("a", tinyStart(7));
  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => "none",
      (error: EngineError) => error.code,
    );
  const step = { session: "a", from: 1, action: [1, 0], settings };
  expect(await codeOf(engine.step({ ...step, session: "b" }))).toBe("unknown-session");
  expect(await codeOf(engine.step({ ...step, from: 9 }))).toBe("unknown-node");
  expect(await codeOf(engine.step({ ...step, action: [2, 0] }))).toBe("bad-action");
  expect(await codeOf(engine.step({ ...step, action: [1] }))).toBe("bad-action");
  expect(await codeOf(engine.step({ ...step, settings: { ...settings, numSteps: 0 } }))).toBe("bad-settings");
  expect(await codeOf(engine.step({ ...step, settings: { ...settings, decoder: "tiny" } }))).toBe("bad-settings");
  expect(await codeOf(engine.open("a", tinyStart(7)))).toBe("bad-start");
  expect(await codeOf(engine.open("c", { ...tinyStart(7), frames: new Uint8Array(3) }))).toBe("bad-start");
  const abandoned = codeOf(engine.step(step));
  await engine.close("a");
  expect(await abandoned).toBe("unknown-session");
  expect(await codeOf(engine.step(step))).toBe("unknown-session");
  await engine.shutdown();
  expect(await codeOf(engine.step(step))).toBe("lost");
});

test("200 frames with going back leave no tensor behind and no more memory", async () => {
  const held: number[] = [];
  const run = async (rounds: number): Promise<void> => {
    const engine = engineOf({ keyframeEvery: 4, sessionBytes: 500_000, batching: "always" });
    const quick = { ...settings, numSteps: 1 };
    await Promise.all(["a", "b"].map((name) => engine.open(name, tinyStart(5))));
    for (let round = 0; round < rounds; round++) {
      const from = round % 3 === 2 ? 3 : 1;
      await Promise.all(["a", "b"].map((name) => play(engine, name, from, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0], quick)));
      held.push(liveBytes());
    }
    const { sessionBytes, framesDrawn, sessions } = await engine.load();
    expect({ framesDrawn, sessions }).toEqual({ framesDrawn: 20 * rounds, sessions: 2 });
    expect(sessionBytes).toBeLessThan(2 * 700_000);
    await engine.shutdown();
  };
  await run(1);
  const before = liveTensors();
  await run(10);
  // The garbage collector may have found some that were there before.
  expect(liveTensors()).toBeLessThanOrEqual(before);
  expect(Math.max(...held.slice(5))).toBeLessThan((held[4] ?? 0) + 200_000);
});
