// The index of a folder of stored latents: what they are, and which file holds which episodes. It is written before the first file, so that
// several processes can fill one folder, and an interrupted one goes on.
import { mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { FormatError, writeFileAtomically } from "@vid2world/formats";
import { z } from "zod";
import { type CacheIdentity, differingParts } from "./identity.js";

const count = z.int().min(1);

const indexSchema = z.strictObject({
  format: z.literal("vid2world-latents/1"),
  identity: z.strictObject({
    autoencoder: z.string(),
    frames: z.string(),
    recordings: z.string(),
    augmentation: z.string(),
    tokens: z.string(),
    pictures: z.string().optional(),
    precision: z.string().optional(),
  }),
  /** Channels, height and width of a frame's latent. */
  latent: z.tuple([count, count, count]).readonly(),
  /** Number and width of a frame's image tokens. */
  tokens: z
    .strictObject({ shape: z.tuple([count, count]).readonly(), dtype: z.enum(["float16", "float32"]) })
    .optional(),
  /** Differently augmented copies of every episode. */
  variants: count,
  /** Number of the first episode of each file of a variant; a file reaches up to the next one's. */
  firstEpisodes: z.array(z.int().min(0)),
});

/** The content of `index.json`. */
export type CacheIndex = z.output<typeof indexSchema>;

/** Some episodes of one variant, in one file. */
export interface Shard {
  readonly file: string;
  readonly variant: number;
  /** Number of its first episode, and of the one after its last. */
  readonly first: number;
  readonly end: number;
}

/** Bytes of a frame's moments (mean and standard deviation, float32), and of its tokens. */
export function frameBytes({ latent, tokens }: Pick<CacheIndex, "latent" | "tokens">): {
  readonly moments: number;
  readonly tokens: number;
} {
  const [channels, height, width] = latent;
  const [number, size] = tokens?.shape ?? [0, 0];
  return { moments: 2 * channels * height * width * 4, tokens: number * size * (tokens?.dtype === "float32" ? 4 : 2) };
}

/** First episodes of files of about `shardBytes` each: an episode is never divided. */
export function planShards(
  lengths: readonly number[],
  index: Pick<CacheIndex, "latent" | "tokens">,
  shardBytes: number,
): number[] {
  const { moments, tokens } = frameBytes(index);
  const firsts: number[] = [];
  let held = Infinity;
  lengths.forEach((frames, episode) => {
    if (held + frames * (moments + tokens) > shardBytes) {
      firsts.push(episode);
      held = 0;
    }
    held += frames * (moments + tokens);
  });
  return firsts;
}

/** All files of a folder, variant by variant. */
export function shardsOf({ variants, firstEpisodes }: CacheIndex, folder: string, episodes: number): Shard[] {
  return Array.from({ length: variants }, (_, variant) =>
    firstEpisodes.map((first, k) => ({
      file: path.join(folder, `variant-${variant}-${String(k).padStart(5, "0")}.safetensors`),
      variant,
      first,
      end: firstEpisodes[k + 1] ?? episodes,
    })),
  ).flat();
}

/** Reads the index of a folder; undefined where there is none. */
export async function readCacheIndex(folder: string): Promise<CacheIndex | undefined> {
  const file = indexFile(folder);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = indexSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FormatError(file, "is no index of stored latents; remove the folder and encode again");
}

/** Whether the latents of some episodes are all there. @throws FormatError where they were made from something else. */
export async function cacheIsComplete(wanted: {
  readonly folder: string;
  readonly identity: CacheIdentity;
  readonly episodes: readonly unknown[];
  /** Absent: as many as it was begun with. */
  readonly variants?: number | undefined;
}): Promise<boolean> {
  const { folder, identity, episodes, variants = 1 } = wanted;
  const index = await readCacheIndex(folder);
  if (!index) return false;
  checkIdentity(folder, index, identity);
  return index.variants >= variants && (await missingShards(index, folder, episodes.length)) === 0;
}

/** How many files are not there yet. */
export async function missingShards(index: CacheIndex, folder: string, episodes: number): Promise<number> {
  let missing = 0;
  for (const { file } of shardsOf(index, folder, episodes)) if (!(await stat(file).catch(() => undefined))) missing++;
  return missing;
}

/** Writes the index. */
export async function writeCacheIndex(folder: string, index: CacheIndex): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(indexFile(folder), `${JSON.stringify(index, null, 2)}\n`);
}

/** Refuses latents that were made from something else. */
export function checkIdentity(folder: string, index: CacheIndex, identity: CacheIdentity): void {
  const parts = differingParts(index.identity, identity);
  if (parts.length === 0) return;
  const pairs = parts.map((part) => {
    const [found, wanted] = [index.identity[part as keyof CacheIdentity], identity[part as keyof CacheIdentity]];
    return `${part} (${found}, not ${wanted})`;
  });
  throw new FormatError(
    indexFile(folder),
    `these latents were made with other ${pairs.join(", ")}; name another folder in latents.cache, or remove this one`,
  );
}

const indexFile = (folder: string): string => path.join(folder, "index.json");
