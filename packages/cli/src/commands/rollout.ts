// `vid2world rollout`: predicted continuations of recordings, or of a published data set by a published protocol, as exact frames for
// scoring and as videos to look at.
import { invalid } from "@vid2world/formats";
import { openRecording } from "@vid2world/world/data/recording";
import { runRollout } from "@vid2world/world/evaluation/run-rollout";
import { weightsId } from "@vid2world/world/evaluation/protocols/weights-id";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { createProgress } from "../progress.js";
import { recordingsFor } from "../rollout/open-clips.js";
import { configOf, openWorld } from "../rollout/open-world.js";
import { type RolloutFlags, rolloutOptions } from "../rollout/options.js";
import { rolloutByProtocol } from "../rollout/protocol-rollout.js";

/** What is rolled out without a protocol unless flags say otherwise. */
const usual = { frames: 16, starts: 8, batch: 8 } as const;

/** Builds the command. */
export function rolloutCommand() {
  return rolloutOptions().action(async (given, flags) => {
    const stop = new AbortController();
    const interrupt = (): void => stop.abort(interrupted());
    process.once("SIGINT", interrupt);
    try {
      const config = await configOf(given, flags);
      const protocol = flags.protocol ?? config?.protocol?.name;
      if (protocol) await rolloutByProtocol(given, protocol, config, flags, stop.signal);
      else await rolloutOwn(given, config, flags, stop.signal);
    } finally {
      process.off("SIGINT", interrupt);
    }
  });
}

/** Options that only a protocol knows what to do with. */
const ofProtocols = {
  ...{ data: "--data", domain: "--domain", heldOut: "--held-out", startIndices: "--start-indices" },
  ...{ splits: "--splits", context: "--context", stride: "--stride", magnitude: "--magnitude", actions: "--actions" },
} as const;

/** Rolls a world out on its held-out recordings. */
async function rolloutOwn(
  given: string,
  config: DenoisingRunConfig | undefined,
  flags: RolloutFlags,
  signal: AbortSignal,
): Promise<void> {
  for (const [name, option] of Object.entries(ofProtocols))
    if (flags[name as keyof typeof ofProtocols] !== undefined)
      throw invalid(option, "a --protocol beside it, as own recordings are rolled out without one", "none");
  const { out, frames = usual.frames, starts = usual.starts, batch = usual.batch, seed } = flags;
  const recording = await openRecording(await recordingsFor(given, config, flags));
  const world = await openWorld(given, config, flags);
  const progress = createProgress({ label: `${world.name}: rolling out`, total: starts * frames, unit: "frames" });
  const result = await runRollout(world, recording, {
    ...{ out, frames, starts, batch, seed, signal },
    madeWith: { weights: weightsId(world), sampler: JSON.stringify(world.sampler) },
    onProgress: ({ done }) => progress.update(done),
  });
  progress.finish();
  const rate = result.secondsPerFrame === undefined ? "" : `; ${result.secondsPerFrame.toFixed(3)} s per frame`;
  console.log(`${out}: ${result.written.length} rollouts written, ${result.skipped.length} were complete${rate}`);
}

/** The code marks it as no fault of the program's. */
function interrupted(): Error {
  return Object.assign(new Error("interrupted: finished rollouts are kept; start the same command again to go on"), {
    code: "EINTR",
  });
}
