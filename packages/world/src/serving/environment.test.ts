// Worlds as an environment: side by side, forked, taken elsewhere, and always the frames that their actions lead to.
import { setNumThreads } from "@vid2world/torch";
import { expect, test } from "vitest";
import { type Environment, type Observation, openEnvironment } from "./environment.js";
import { tinyStart, tinyWorld } from "./testing/tiny-world.js";

setNumThreads(1);
const world = tinyWorld();
const { frames, actions = [] } = tinyStart(3);
const open = (sessions: number): Promise<Environment> => openEnvironment(world, { sessions, seed: 3 });
const pixelsOf = (seen: readonly Observation[]): Uint8Array[] => seen.map(({ pixels }) => pixels);

/** What the world model itself draws. */
function reference(seed: number, forward: readonly number[]): Uint8Array {
  world.reset({ frames, actions }, { seed });
  const shown = forward.map((value) => world.step({ forward: value }));
  world.dispose();
  return shown.at(-1) ?? frames;
}

test("worlds side by side have seeds of their own and take actions by name or in order", async () => {
  await using env = await open(2);
  expect(await env.reset({ frames, actions })).toMatchObject([{ frame: 1 }, { frame: 1 }]);
  await env.step([{ forward: 1 }, [0.5, 0]]);
  const seen = await env.step([{}, { forward: -1 }]);
  expect(pixelsOf(seen)).toEqual([reference(3, [1, 0]), reference(4, [0.5, -1])]);
  expect(seen[0]?.frame).toBe(3);
});

test("forks go their own ways from a shared past, whoever steps first and whoever is gone", async () => {
  const env = await open(1);
  await env.reset({ frames, actions });
  await env.step([[1, 0]]);
  const forks = [env.fork(), env.fork(), env.fork()];
  const ways = [-1, 0, 0.5];
  const seen = await Promise.all(forks.map((fork, i) => fork.step([[ways[i] ?? 0, 0]])));
  expect(seen.flatMap(pixelsOf)).toEqual(ways.map((way) => reference(3, [1, way])));
  await env.dispose();
  await forks[0]?.dispose();
  expect(pixelsOf((await forks[1]?.step([[1, 0]])) ?? [])).toEqual([reference(3, [1, 0, 1])]);
  await expect(env.step([[1, 0]])).rejects.toThrow(/open another/);
  for (const fork of forks) await fork.dispose();
});

test("a snapshot goes on exactly in another environment", async () => {
  const [env, other] = [await open(1), await open(1)];
  await env.reset({ frames, actions });
  await env.step([[1, 0]]);
  const fork = env.fork();
  await fork.step([[-1, 0]]);
  const [seen] = await env.step([[0.5, 0]]);
  expect(await other.restore(await env.snapshot())).toEqual([seen]);
  expect(pixelsOf(await other.step([[0, 0]]))).toEqual([reference(3, [1, 0.5, 0])]);
  for (const one of [env, other, fork]) await one.dispose();
});

test("what is wrong is said, and changes nothing", async () => {
  await using env = await open(2);
  await expect(env.step([[0, 0], [0, 0]])).rejects.toThrow(/call reset/); // prettier-ignore
  await env.reset({ frames, actions });
  await expect(env.step([[0, 0]])).rejects.toThrow(/2, one per world/);
  await expect(env.step([{ jump: 1 }, {}])).rejects.toThrow(/channels of this world/);
  await expect(env.reset([{ frames }, { frames: frames.subarray(1) }])).rejects.toThrow(/frames/);
  expect(pixelsOf(await env.step([[1, 0], {}]))[0]).toEqual(reference(3, [1]));
});
