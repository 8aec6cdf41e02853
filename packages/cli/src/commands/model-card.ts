// `vid2world model-card`: what a world can and cannot do, measured, as one page.
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { writeFileAtomically } from "@vid2world/formats";
import { findWorld } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { cardPage } from "@vid2world/world/evaluation/model-card/card-page";
import { measureCard } from "@vid2world/world/evaluation/model-card/measure-card";
import type { Curve } from "@vid2world/world/page/curve";
import { curvesOf } from "@vid2world/world/training/report/curves";
import { readHistory } from "@vid2world/world/training/report/read-history";
import { sha256Of } from "@vid2world/world/weights/checksum";
import { resolveWeights } from "@vid2world/world/weights/root";
import { madeHere } from "../made-here.js";
import { createProgress, type Progress } from "../progress.js";
import { recordingsFor } from "../rollout/open-clips.js";
import { configOf, openWorld, worldOf } from "../rollout/open-world.js";
import { countOption } from "./whole-number.js";

const EXAMPLES = `
Examples:
  vid2world model-card doom --field-of-view 90        the built-in world, into model-card.html
  vid2world model-card runs/mine/world --html card.html --starts 32
  vid2world model-card configs/doom/world.yaml --checkpoint last.safetensors --recordings my-recording
The page needs no network and no other file: scores beside baselines, obedience, drift, curves, clips side by side (the worst first), and
the command, versions, seeds and checksums that it was made with.`;

/** Builds the command. */
export function modelCardCommand() {
  return new Command("model-card")
    .description("Measure a world and write what it can and cannot do as one self-contained page.")
    .argument("<run>", "a run's folder, a world's folder or name, or a configuration")
    .option("--html <file>", "the page", "model-card.html")
    .option("--json <file>", "also write everything that was measured")
    .option("--recordings <folder>", "recordings to measure on (default: the world's own)")
    .addOption(countOption("--starts <n>", "starts in held-out clips", 2).default(8))
    .addOption(countOption("--frames <n>", "frames to predict from each", 3).default(8))
    .addOption(countOption("--drift-frames <n>", "frames of the long rollouts", 4).default(48))
    .addOption(countOption("--steps <n>", "denoising steps per frame (default: the world's)", 1))
    .addOption(countOption("--batch <n>", "starts that are rolled out together", 1).default(16))
    .addOption(countOption("--seed <n>", "seed of starts and noise", 0).default(0))
    .addOption(
      countOption("--field-of-view <degrees>", "horizontal field of view of the recordings: makes turns exact", 1),
    )
    .option("--checkpoint <file>", "weights for a configuration, also weights:NAME")
    .option("--supply <file...>", "further checkpoints, for networks that the first one does not have")
    .addOption(new Option("--device <name>", "cpu, cuda or cuda:N").default("cpu"))
    .option("--set <setting=value...>", "override settings of the configuration")
    .addHelpText("after", EXAMPLES)
    .action(async (given, flags) => {
      const { starts, frames, driftFrames, steps, batch, seed, fieldOfView, html, json } = flags;
      const name = worldIn(given);
      const config = await configOf(name, flags);
      const recording = await openRecording(await recordingsFor(name, config, flags));
      const world = await openWorld(name, config, flags);
      let progress: Progress | undefined;
      let shown = "";
      const content = await measureCard(world, recording, {
        ...{ starts, frames, driftFrames, batch, seed, fieldOfView, ...(steps !== undefined && { steps }) },
        onProgress: (what, done, total) => {
          if (what !== shown) {
            progress?.finish();
            progress = createProgress({ label: `${world.name}: ${what}`, total });
          }
          shown = what;
          progress?.update(done);
        },
      });
      progress?.finish();
      const checkpoints = [flags.checkpoint ?? config?.checkpoint ?? [], flags.supply ?? []].flat();
      // A configuration with a checkpoint has no folder of its own.
      const folder = config && checkpoints.length > 0 ? undefined : await findWorld(worldOf(name));
      const { header } = recording;
      const facts = [
        ...madeHere(),
        ["denoising steps", String(steps ?? world.sampler.numSteps)] as const,
        ["recordings", `${header.name}: ${header.licence}; ${header.source}`] as const,
        ["SHA-256 of the recordings", content.obedience?.recordings.sha256 ?? "not read"] as const,
        ...(await checksums([...checkpoints.map((file) => resolveWeights(file)), ...(folder === undefined ? [] : [folder])])), // prettier-ignore
      ];
      const { height, width } = world;
      const training = folder === undefined ? [] : await trainingCurves(folder);
      const page = await cardPage(content, { height, width, fps: header.fps, facts, training });
      await writeFileAtomically(html, page);
      if (json !== undefined) {
        const { report, obedience, drift } = content;
        await writeFileAtomically(json, `${JSON.stringify({ report, obedience, drift }, undefined, 1)}\n`);
      }
      console.log(`${html}: ${content.starts.length} starts of ${world.name}; open it in a browser`);
    });
}

/** A run keeps its world in a folder of its own; anything else names a world or a configuration itself. */
function worldIn(given: string): string {
  const inside = path.join(given, "world");
  return existsSync(path.join(inside, "world.json")) ? inside : given;
}

/** SHA-256 of files, and of the weights and descriptions in folders. */
async function checksums(places: readonly string[]): Promise<[string, string][]> {
  const inside = async (place: string): Promise<string[]> => {
    if (!(await stat(place)).isDirectory()) return [place];
    const entries = await readdir(place, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name);
    return files.sort().map((file) => path.join(place, file));
  };
  const files = (await Promise.all(places.map(inside))).flat();
  return Promise.all(files.map(async (file): Promise<[string, string]> => [`SHA-256 of ${path.basename(file)}`, await sha256Of(file)])); // prettier-ignore
}

/** The curves of the run that the world lies in, if its history is there. */
async function trainingCurves(world: string): Promise<Curve[]> {
  const run = path.dirname(world);
  if (!existsSync(path.join(run, "metrics.jsonl"))) return [];
  return curvesOf(await readHistory(run));
}
