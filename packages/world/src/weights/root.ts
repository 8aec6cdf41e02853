// Where weights lie on this machine, and which file a name means.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { WEIGHTS, type WeightFile } from "./manifest.js";
import { WeightsError } from "./weights-error.js";

/** What a configuration writes before a name of the manifest. */
export const WEIGHTS_PREFIX = "weights:";

/** The folder of all weights: `VID2WORLD_WEIGHTS`, else `~/.cache/vid2world/weights`. */
export function weightsRoot(env: NodeJS.ProcessEnv = process.env): string {
  const given = env["VID2WORLD_WEIGHTS"];
  return given === undefined || given === "" ? join(homedir(), ".cache", "vid2world", "weights") : given;
}

/** The files that names or groups (`metrics`, `all`) mean, each once, in the manifest's order. */
export function findWeights(names: readonly string[], manifest: readonly WeightFile[] = WEIGHTS): WeightFile[] {
  const wanted = names.map((name) => name.toLowerCase());
  for (const name of wanted) {
    if (name !== "all" && !manifest.some((file) => file.name === name || file.group === name)) {
      const known = manifest.map((file) => file.name).join(", ");
      const groups = [...new Set(manifest.map((file) => file.group)), "all"].join(", ");
      throw new WeightsError("UNKNOWN_NAME", `weights ${name}: unknown; there are ${known}; and groups ${groups}`);
    }
  }
  return manifest.filter((file) => ["all", file.name, file.group].some((name) => wanted.includes(name)));
}

/** The path of a file of the manifest, whether it is there or not. */
export function weightPath(file: WeightFile, root: string = weightsRoot()): string {
  return join(root, ...file.destination.split("/"));
}

/**
 * The path that a setting means: `weights:NAME` is a file of the manifest, anything else is a path already.
 * @throws WeightsError when the name is unknown or the file is not there; the message says how to get it.
 */
export function resolveWeights(setting: string, root: string = weightsRoot()): string {
  if (!setting.startsWith(WEIGHTS_PREFIX)) return setting;
  const name = setting.slice(WEIGHTS_PREFIX.length);
  const file = WEIGHTS.find((each) => each.name === name);
  if (!file) {
    const known = WEIGHTS.map((each) => each.name).join(", ");
    throw new WeightsError("UNKNOWN_NAME", `${setting}: the manifest has no such file; it has ${known}`);
  }
  const path = weightPath(file, root);
  if (existsSync(path)) return path;
  throw new WeightsError("MISSING", `${setting}: not at ${path}; get it with: vid2world weights pull ${name}`);
}
