// Several engines as one: sessions are spread, and stay where they are.
import { expect, test } from "vitest";
import type { EngineError } from "./engine.js";
import { enginePool } from "./engine-pool.js";
import { arithmeticEngine, expectedPixels } from "./testing/arithmetic-engine.js";

const settings = { guidanceScale: 1, numSteps: 2, decoder: "full" } as const;
const start = { frames: new Uint8Array(2 * 8 * 6 * 3), seed: 1 };

test("sessions go to the engine with the fewest, and show there what they would show anywhere", async () => {
  const engines = [arithmeticEngine(), arithmeticEngine({ world: { device: "cuda:1" } })];
  const pool = enginePool(engines);
  expect(pool.world.device).toBe("cpu, cuda:1");
  const names = ["a", "b", "c", "d"];
  await Promise.all(names.map((name) => pool.open(name, start)));
  expect(engines.map(({ sessions }) => sessions)).toEqual([2, 2]);
  await Promise.all(["a", "c"].map((name) => pool.close(name)));
  await pool.restore("e", await pool.snapshot("b"));
  expect(engines.map(({ sessions }) => sessions)).toEqual([1, 2]);
  for (const session of ["b", "d", "e"]) {
    const frame = await pool.step({ session, from: 1, action: [1, 0], settings });
    expect(frame.pixels).toEqual(expectedPixels(start, [{ action: [1, 0], settings }]));
  }
  expect(await pool.load()).toMatchObject({ sessions: 3, framesDrawn: 3 });
  await pool.shutdown();
});

test("a session that could not be opened has no place, and engines of two worlds are no pool", async () => {
  const pool = enginePool([arithmeticEngine()]);
  const code = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: EngineError) => error.code);
  expect(await code(pool.step({ session: "a", from: 0, action: [], settings }))).toBe("unknown-session");
  await pool.open("a", start);
  expect(await code(pool.open("a", start))).toBe("bad-start");
  const other = arithmeticEngine({ world: { checksum: "other" } });
  expect(() => enginePool([arithmeticEngine(), other])).toThrow(/engines of one world/);
});
