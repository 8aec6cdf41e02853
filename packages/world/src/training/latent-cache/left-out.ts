// Episodes without latents, because their pictures could not be read: written beside each file of latents, as several processes may fill one
// folder. Their rows are zeros, which nobody reads.
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { FormatError, writeFileAtomically } from "@vid2world/formats";
import { z } from "zod";

const leftOutSchema = z.array(z.strictObject({ episode: z.string(), reason: z.string() }));

/** Names and reasons. */
export type LeftOut = z.output<typeof leftOutSchema>;

const ENDING = ".left-out.json";
const fileOf = (shard: string): string => shard.replace(/\.safetensors$/, ENDING);

/** Keeps what was left out of one file of latents; nothing, where nothing was. */
export async function writeLeftOut(shard: string, leftOut: LeftOut): Promise<void> {
  if (leftOut.length === 0) return rm(fileOf(shard), { force: true });
  await writeFileAtomically(fileOf(shard), `${JSON.stringify(leftOut, null, 2)}\n`);
}

/** What was left out of all files in a folder, each episode once. */
export async function readLeftOut(folder: string): Promise<LeftOut> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ENDING)).sort();
  const found = new Map<string, string>();
  for (const name of names) {
    const file = path.join(folder, name);
    const parsed = leftOutSchema.safeParse(await parseJson(file));
    if (!parsed.success)
      throw new FormatError(file, "is no list of episodes; remove it and its file of latents, and encode again");
    for (const { episode, reason } of parsed.data) if (!found.has(episode)) found.set(episode, reason);
  }
  return [...found].map(([episode, reason]) => ({ episode, reason }));
}

async function parseJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8");
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
