// Which episodes of a published list of names are not in a folder of training data.
import { readFile } from "node:fs/promises";
import { FormatError } from "@vid2world/formats";
import type { Survey } from "./survey.js";

/**
 * Reads a list of names, a JSON list (RT-1) or one a line (CS:GO's test_split.txt, RECON's traj_names.txt), with or without the files'
 * endings, and gives those that the folder has not; files that cannot be opened are there.
 */
export async function missingEpisodes(list: string, { episodes, broken }: Survey): Promise<readonly string[]> {
  const parts = [...episodes.flatMap(({ parts: its }) => its), ...broken.flatMap(({ parts: its }) => its)];
  const present = new Set([...episodes.map(({ name }) => name), ...parts.map(bareName)]);
  return (await readNames(list)).filter((name) => !present.has(bareName(name)));
}

async function readNames(list: string): Promise<readonly string[]> {
  const text = await readFile(list, "utf8").catch((cause: Error) => {
    throw new FormatError(list, `could not be read: ${cause.message}`, undefined, { cause });
  });
  if (!text.trimStart().startsWith("[")) {
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch (cause) {
    throw new FormatError(list, `not valid JSON: ${(cause as Error).message}`, undefined, { cause });
  }
  throw new FormatError(list, "expected a list of names");
}

/** `a/train_eps_00000001.npz` -> `train_eps_00000001`. */
function bareName(name: string): string {
  return (name.split("/").at(-1) ?? name).replace(/\.(npz|hdf5|mp4)$/, "");
}

/** A sentence about what is missing, or undefined if nothing is. */
export function missingSentence(list: string, missing: readonly string[], listed = 5): string | undefined {
  if (missing.length === 0) return undefined;
  const more = missing.length - listed;
  const names = [...missing.slice(0, listed), ...(more > 0 ? [`${more} more`] : [])].join(", ");
  return `${list}: ${missing.length} of its episodes are not there: ${names}`;
}
