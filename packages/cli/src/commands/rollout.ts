// `vid2world rollout`: predicted continuations of recordings, as exact frames for scoring and as videos to look at.
import { basename, join, parse, relative } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { loadWorld } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { runRollout } from "@vid2world/world/evaluation/run-rollout";
import { createProgress } from "../progress.js";
import { recordingsOf } from "./demo.js";
import { wholeNumber } from "./whole-number.js";

const EXAMPLES = `
Examples:
  vid2world rollout doom --frames 60                 the built-in world
  vid2world rollout configs/doom/world.yaml          the world that was trained from this configuration
Each start becomes a folder with rollout.safetensors (exact frames) and videos of truth and prediction.
Start it again after Ctrl-C: rollouts that are complete are not made again.`;

/** Builds the command. */
export function rolloutCommand() {
  const count = <Flags extends string>(flags: Flags, text: string, least: number, value: number) =>
    new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, least)).default(value);
  return new Command("rollout")
    .description("Roll a world out from held-out recordings under their true actions, into one folder per start.")
    .argument("<world>", "a built-in world, the folder of one, or the configuration that one was trained from")
    .option("--recordings <folder>", "recordings to start from (default: the world's own)")
    .option("--out <folder>", "where the rollouts go", "out/rollout")
    .addOption(count("--frames <n>", "frames to predict from each start", 1, 16))
    .addOption(count("--starts <n>", "starts, spread over the recordings", 1, 8))
    .addOption(count("--batch <n>", "starts rolled out together: what memory allows", 1, 8))
    .addOption(count("--seed <n>", "seed of starts and noise", 0, 0))
    .addOption(
      new Option("--steps <n>", "denoising steps per frame (default: the world's)").argParser(
        wholeNumber("--steps", 1),
      ),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (given, options) => {
      const name = worldOf(given);
      const world = await loadWorld(name);
      const recording = await openRecording(options.recordings ?? (await recordingsOf(name)));
      const { out, frames, starts, batch, seed, steps } = options;
      const stop = new AbortController();
      const interrupt = (): void => stop.abort(interrupted());
      process.once("SIGINT", interrupt);
      const progress = createProgress({ label: `${world.name}: rolling out`, total: starts * frames, unit: "frames" });
      try {
        const result = await runRollout(world, recording, {
          out,
          frames,
          starts,
          batch,
          seed,
          ...(steps === undefined ? {} : { steps }),
          signal: stop.signal,
          onProgress: ({ done }) => progress.update(done),
        });
        progress.finish();
        const rate = result.secondsPerFrame === undefined ? "" : `; ${result.secondsPerFrame.toFixed(3)} s per frame`;
        console.log(`${out}: ${result.written.length} rollouts written, ${result.skipped.length} were complete${rate}`);
      } finally {
        process.off("SIGINT", interrupt);
      }
    });
}

/** `configs/doom/world.yaml` -> `runs/doom/world/world`, where training leaves its world; anything else is a world already. */
export function worldOf(given: string): string {
  if (!/\.ya?ml$/.test(given)) return given;
  const inside = relative("configs", given);
  const { dir, name } = parse(inside.startsWith("..") ? basename(given) : inside);
  return join("runs", dir, name, "world");
}

/** The code marks it as no fault of the program's. */
function interrupted(): Error {
  return Object.assign(new Error("interrupted: finished rollouts are kept; start the same command again to go on"), {
    code: "EINTR",
  });
}
