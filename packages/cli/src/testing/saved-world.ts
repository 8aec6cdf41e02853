// For tests: a world with random weights in a folder, with recordings of its own; small enough that any command takes a moment.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { saveWorld } from "@vid2world/world";
import { tinyWorld } from "@vid2world/world/evaluation/protocols/tiny-domain";
import { toySize, writeToyRecording } from "@vid2world/world/evaluation/toy-world";

/** Writes `folder/world` and `folder/recording` (32x24, two actions, held-out clips b and c of 40 frames) and returns both paths. */
export async function saveTinyWorld(folder: string): Promise<{ readonly world: string; readonly recording: string }> {
  const [world, recording] = [join(folder, "world"), join(folder, "recording")] as const;
  await mkdir(recording, { recursive: true });
  await writeToyRecording(recording);
  const { config, parts } = tinyWorld({ domain: "recordings", size: toySize });
  await saveWorld(world, { ...config, recordings: "../recording" }, parts);
  return { world, recording };
}
