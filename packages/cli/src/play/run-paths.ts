// The files that a run's config.yaml names. They are meant from where it was trained, which is not where it is played from: looked for there
// first, then from the folders above the run, as runs are usually kept below the place that they are trained in.
import { existsSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { FormatError } from "@vid2world/formats";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";

/** The configuration of a run with its data and autoencoder as paths that hold from here. Throws where one of them is nowhere. */
export function withRunPaths(config: DenoisingRunConfig, run: string): DenoisingRunConfig {
  const { data, latents } = config;
  const there = (path: string, name: string): string => {
    if (isAbsolute(path) || existsSync(path)) return path;
    for (let at = resolve(run); ; at = dirname(at)) {
      if (existsSync(resolve(at, path))) return resolve(at, path);
      if (at === dirname(at)) break;
    }
    throw new FormatError(`${run}/config.yaml`, `${name} is ${path}, which is neither here nor in a folder above the run; start this where the run was trained, or make the path absolute`); // prettier-ignore
  };
  const { autoencoder } = latents;
  return {
    ...config,
    ...("recordings" in data && { data: { ...data, recordings: there(data.recordings, "data.recordings") } }),
    ...("folder" in data && { data: { ...data, folder: there(data.folder, "data.folder") } }),
    ...(typeof autoencoder === "string" && {
      latents: { ...latents, autoencoder: there(autoencoder, "latents.autoencoder") },
    }),
  };
}
