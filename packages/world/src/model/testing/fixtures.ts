// For tests only: recorded reference cases, read from the shared folder where there is one.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { loadSafetensors, type Tensor } from "@vid2world/torch";

/** Beside the repository, which is six folders above the source of this file and seven above what it is compiled to. */
const beside = ["../../../../../../shared", "../../../../../../../shared"].map((up) =>
  resolve(import.meta.dirname, up),
);
const shared = process.env["VID2WORLD_SHARED"] ?? beside.find(existsSync) ?? "../shared";

/** The folder of fixtures. */
export const fixtureFolder = join(shared, "fixtures");

/** Whether a fixture exists here. Tests that need it are skipped otherwise: it is recorded data, not part of the repository. */
export const hasFixture = (file: string): boolean => existsSync(join(fixtureFolder, file));

/** Reads a manifest. */
export function manifest<T>(file: string): T {
  return JSON.parse(readFileSync(join(fixtureFolder, file), "utf8")) as T;
}

/** Reads the tensors of one or more files into one map. */
export async function tensors(...files: readonly string[]): Promise<Map<string, Tensor>> {
  const maps = await Promise.all(files.map((file) => loadSafetensors(join(fixtureFolder, file))));
  return new Map(maps.flatMap((map) => [...map]));
}

/** The tensor of that name; a missing one is an error in the fixture. */
export function pick(map: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = map.get(name);
  if (tensor === undefined) throw new Error(`fixture: there is no tensor ${name}`);
  return tensor;
}

/** The largest absolute difference of two tensors of the same shape. */
export function maxError(actual: Tensor, expected: Tensor): number {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new Error(`maxError: shape [${actual.shape.join(", ")}], expected [${expected.shape.join(", ")}]`);
  }
  const difference = actual.detach().to("float64").sub(expected.to("float64")).abs().amax();
  return difference.item();
}

/** The subset of a map whose keys start with `prefix`, without the prefix. */
export function below(map: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Tensor> {
  return new Map(
    [...map].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
  );
}
