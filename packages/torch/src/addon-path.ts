// Where the native addons lie. Nothing is loaded here.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TorchError } from "./errors.js";

/** The addon over libtorch, and the small one without it. */
export type AddonName = "vid2world_torch" | "vid2world_pictures";

/** The file of a built addon: beside the one that VID2WORLD_NATIVE names, else in the build folder. */
export function addonPath(name: AddonName): string {
  const given = process.env["VID2WORLD_NATIVE"];
  if (given && name === "vid2world_torch") return given;
  // This file is src/addon-path.ts under a test runner and dist/src/addon-path.js when built.
  const here = dirname(fileURLToPath(import.meta.url));
  const build = process.env["VID2WORLD_BUILD"] ?? "build";
  const folders = given ? [dirname(given)] : ["..", "../.."].map((up) => join(here, up, build));
  const places = folders.map((folder) => join(folder, `${name}.node`));
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new TorchError(
    `native addon: not built (looked for ${places.join(" and ")}); run ./vid2world doctor, or npm run build:native`,
  );
}
