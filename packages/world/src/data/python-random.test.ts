// Python's random.sample, against numbers that CPython 3.11 printed, and against CPython itself where there is one.
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { pythonSample } from "./python-random.js";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test("the published draw of RT-1 episodes comes out: random.seed(0), 1,024 of 4,361", () => {
  const drawn = pythonSample(range(4361), 1024, 0);
  expect(drawn.slice(0, 6)).toEqual([3155, 3445, 331, 2121, 4188, 3980]);
  expect(drawn.slice(-3)).toEqual([3811, 1038, 2687]);
  expect(new Set(drawn).size).toBe(1024);
});

test("small populations are drawn from a shrinking pool, as CPython does it", () => {
  const drawn = pythonSample(range(3000), 1024, 0);
  expect(drawn.slice(0, 6)).toEqual([1577, 1722, 165, 1060, 2094, 1990]);
  expect(drawn.slice(-3)).toEqual([1507, 1350, 2354]);
});

test.skipIf(spawnSync("python3", ["--version"]).status !== 0)("any size, count and seed agree with python3", () => {
  const cases = [[1, 1, 7], [10, 0, 1], [30, 5, 2], [30, 6, 2], [100, 21, 42], [5000, 700, 4294967295]] as const; // prettier-ignore
  const code = `import json, random, sys
out = []
for n, k, seed in json.loads(sys.argv[1]):
    random.seed(seed)
    out.append(random.sample(range(n), k))
print(json.dumps(out))`;
  const { stdout } = spawnSync("python3", ["-c", code, JSON.stringify(cases)], { encoding: "utf8" });
  expect(cases.map(([n, k, seed]) => pythonSample(range(n), k, seed))).toEqual(JSON.parse(stdout));
});

test("counts beyond the population and negative seeds are refused", () => {
  expect(() => pythonSample([1, 2], 3, 0)).toThrow("count");
  expect(() => pythonSample([1, 2], 1, -1)).toThrow("seed");
});
