// Turns Doom gameplay in its original form (mp4 and doom-episode/1 JSON) into recordings of our own format.
// scripts/import-doom-recordings.mjs runs it. Its result is committed, so only a change of the format needs it again.
import { copyFile, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { z } from "zod";
import { splitSchema } from "./recording-format.js";
import { writeClipFile, writeHeader, type HeaderInput } from "./recording-writer.js";

const numbers = z.array(z.number());

/** The part of a doom-episode/1 file that is kept; the raw 35 Hz commands and the alignment evidence are not. */
const doomEpisodeSchema = z.object({
  format: z.literal("doom-episode/1"),
  name: z.string(),
  split: splitSchema,
  source: z.enum(["human", "scripted"]),
  game: z.string(),
  map: z.string(),
  skill: z.number(),
  mode: z.string(),
  player: z.number(),
  players: z.number(),
  frames: z.number(),
  vector_names: z.array(z.string()).refine((names) => names.join() === "forward,strafe,turn,fire,use,weapon"),
  vector: z.array(numbers),
  state: z.record(z.string(), numbers),
});

/** Digits after the point of the state's numbers; a unit of the map is about 3 cm, so whole ones will do. */
const STATE_DIGITS: Readonly<Record<string, number>> = { angle: 1 };

/** The action space of Doom play: one row per frame of four tics. */
export const DOOM_CHANNELS: HeaderInput["channels"] = [
  {
    name: "forward",
    kind: "continuous",
    range: [-1, 1],
    unit: "running speed",
    description: "mean forward command of the four tics; ahead is positive",
    keys: { KeyW: 1, ArrowUp: 1, KeyS: -1, ArrowDown: -1 },
  },
  {
    name: "strafe",
    kind: "continuous",
    range: [-1, 1],
    unit: "running speed",
    description: "mean sideways command of the four tics; to the right is positive; the engine's own limit is 0.8",
    keys: { KeyD: 0.8, KeyA: -0.8 },
  },
  {
    name: "turn",
    kind: "continuous",
    range: [-1, 1],
    unit: "45 degrees",
    description: "turn between this frame and the next; to the left is positive",
    keys: { ArrowLeft: 0.4, ArrowRight: -0.4, MouseX: -0.01 },
  },
  {
    name: "fire",
    kind: "continuous",
    range: [0, 1],
    unit: "share of the four tics",
    description: "the trigger is held",
    keys: { Space: 1, MouseLeft: 1 },
  },
  { name: "use", kind: "binary", description: "open doors, press switches", keys: { KeyE: 1, Enter: 1 } },
  { name: "weapon", kind: "binary", description: "change the weapon", keys: { KeyQ: 1 } },
];

/** What to import. */
export interface DoomImport {
  /** Folder of NAME.mp4 and NAME.json files. */
  readonly from: string;
  /** Folder of LICENSE-freedoom.txt and CREDITS-freedoom.txt, which must travel with the frames. */
  readonly licences: string;
  /** Folder of the recording to write. */
  readonly to: string;
  readonly name: string;
  readonly description: string;
  /** Episodes to leave out, by name. */
  readonly without?: readonly string[];
}

/** Imports a folder of Doom episodes; mp4 files are copied byte for byte. Returns the names of the episodes imported. */
export async function importDoom(options: DoomImport): Promise<string[]> {
  const { from, licences, to, name, description, without = [] } = options;
  const header = await writeHeader(to, {
    name,
    description,
    fps: 8.75,
    width: 160,
    height: 120,
    channels: DOOM_CHANNELS,
    licence: "BSD-3-Clause (Freedoom); LICENSE-freedoom.txt and CREDITS-freedoom.txt must travel with the frames",
    source: "Freedoom and FreeDM 0.12.1, demos played back by dsda-doom 0.25.6",
  });
  for (const file of ["LICENSE-freedoom.txt", "CREDITS-freedoom.txt"]) {
    await copyFile(join(licences, file), join(to, file));
  }
  const videos = (await readdir(from)).filter((file) => file.endsWith(".mp4")).sort();
  const names = videos.map((file) => file.slice(0, -".mp4".length)).filter((episode) => !without.includes(episode));
  for (const episode of names) {
    const clip = await readDoomEpisode(join(from, `${episode}.json`));
    await copyFile(join(from, `${episode}.mp4`), join(to, `${episode}.mp4`));
    await writeClipFile(to, episode, clip, header.channels);
  }
  return names;
}

async function readDoomEpisode(file: string): Promise<Parameters<typeof writeClipFile>[2]> {
  const parsed = doomEpisodeSchema.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (!parsed.success) throw new FormatError(file, z.prettifyError(parsed.error));
  const { split, frames, source, game, map, skill, mode, player, players, vector, state } = parsed.data;
  const rounded = Object.entries(state).map(([name, values]) => {
    const scale = 10 ** (STATE_DIGITS[name] ?? 0);
    return [name, values.map((value) => Math.round(value * scale) / scale)] as const;
  });
  const info = { player: source, game, map, skill, mode, seat: `${player} of ${players}` };
  return { split, frames, info, actions: vector, state: Object.fromEntries(rounded) };
}
