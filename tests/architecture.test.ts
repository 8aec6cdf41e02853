// Holds the import directions of ARCHITECTURE.md: between the packages, and between the layers inside `world`.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { findCycle, importsOf, root, sourceFiles, type Import } from "./imports.js";

const files = sourceFiles();
const imports = files.flatMap((file) => importsOf(file));

/** What each package may import, besides itself. The player gets the protocol's types and codecs, nothing else. */
const PACKAGES: Record<string, readonly string[]> = {
  formats: [],
  torch: ["formats"],
  world: ["torch", "formats"],
  cli: ["world", "torch", "formats"],
  player: ["world"],
};

/** Layers of world/src by rank: imports go to a lower rank or stay in the same folder. */
const RANKS: Record<string, number> = {
  config: 0,
  page: 0,
  weights: 0,
  model: 1,
  diffusion: 1,
  data: 1,
  "world-model": 2,
  serving: 3,
  training: 3,
  evaluation: 3,
};

const packageOf = (file: string): string => file.split("/")[1] ?? "";

/** The layer of a file of world, or undefined for its door, index.ts. `world-*.ts` and checkpoints/ together are the composition. */
function layerOf(file: string): string | undefined {
  const name = /^packages\/world\/src\/([^/]+)/.exec(file)?.[1]?.replace(/\.tsx?$/, "");
  if (name === undefined || name === "index") return undefined;
  return name.startsWith("world-") || name === "checkpoints" ? "world-model" : name;
}

function packageFault({ from, to }: Import): boolean {
  if (to === undefined || packageOf(from) === packageOf(to)) return false;
  if (packageOf(from) === "player" && !to.startsWith("packages/world/src/serving/protocol")) return true;
  return !PACKAGES[packageOf(from)]?.includes(packageOf(to));
}

function layerFault({ from, to }: Import): boolean {
  const [above, below] = [layerOf(from), to === undefined ? undefined : layerOf(to)];
  if (above === undefined || below === undefined || above === below) return false;
  return (RANKS[below] ?? Infinity) >= (RANKS[above] ?? -1);
}

const show = ({ from, specifier }: Import): string => `${from} imports ${specifier}`;

test("there are files and imports to check", () => {
  expect(files.length).toBeGreaterThan(20);
  expect(imports.filter(({ to }) => to !== undefined).length).toBeGreaterThan(20);
});

test("packages import only the packages below them", () => {
  expect(imports.filter(packageFault).map(show)).toEqual([]);
});

test("inside world, imports point down, and model, diffusion and data do not know each other", () => {
  expect(imports.filter(layerFault).map(show)).toEqual([]);
});

test("libraries that take tens of megabytes are loaded only where they are needed: training does without them", () => {
  const large = (specifier: string): boolean => /^(sharp|h5wasm)($|\/)/.test(specifier);
  const needed = /\/(serving|testing)\//;
  const loaded = imports
    .filter(({ from, specifier }) => large(specifier) && !needed.test(from))
    .filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic);
  expect(loaded.map(show)).toEqual([]);
  expect(imports.some(({ specifier }) => large(specifier))).toBe(true);
});

test("every part of world has a place in the order", () => {
  const layers = new Set(files.map(layerOf).filter((layer) => layer !== undefined));
  expect([...layers].filter((layer) => !(layer in RANKS))).toEqual([]);
});

test("every import of our own names a file that exists", () => {
  const missing = imports.filter(
    ({ to }) => to?.endsWith(".ts") && !existsSync(join(root, to)) && !existsSync(join(root, `${to}x`)),
  );
  expect(missing.map(show)).toEqual([]);
});

test("no imports run in a circle", () => {
  expect(findCycle(imports)).toBeUndefined();
});

test("only the command line knows the terminal's libraries", () => {
  const terminal = imports.filter(({ specifier }) => /^(commander|@commander-js|picocolors)/.test(specifier));
  expect(terminal.filter(({ from }) => packageOf(from) !== "cli").map(show)).toEqual([]);
});

describe("the check itself sees", () => {
  const of = (file: string, text: string): Import[] => importsOf(file, text);

  test("an import in the wrong direction, in every way of writing it", () => {
    const ways = ['import { a } from "@vid2world/world";', 'import type { a } from "@vid2world/world/x";'];
    ways.push('export * from "@vid2world/world";', 'const a = await import("@vid2world/world");');
    ways.push('let a: import("@vid2world/world").A;', 'import "../../world/src/index.js";');
    for (const way of ways) expect(of("packages/torch/src/a.ts", way).filter(packageFault), way).toHaveLength(1);
  });

  test("siblings that import each other", () => {
    const between = (from: string, to: string): boolean =>
      of(`packages/world/src/${from}.ts`, `import "${to}";`).some(layerFault);
    expect(between("model/unet/unet", "../../diffusion/ddim.js")).toBe(true);
    expect(between("training/trainer", "../evaluation/metrics.js")).toBe(true);
    expect(between("training/trainer", "../world-model.js")).toBe(false);
    expect(between("model/unet/unet", "./block.js")).toBe(false);
  });

  test("a circle, but not one made of types", () => {
    const circle = (first: string): Import[] => [
      ...of("p/a.ts", `${first} { b } from "./b.js";`),
      ...of("p/b.ts", 'import "./a.js";'),
    ];
    expect(findCycle(circle("import"))).toEqual(["p/a.ts", "p/b.ts", "p/a.ts"]);
    expect(findCycle(circle("import type"))).toBeUndefined();
  });
});
