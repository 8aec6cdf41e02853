// `vid2world rollout`: predicted continuations of recordings, or of a published data set by a published protocol, as exact frames for
// scoring and as videos to look at.
import { loadWorld } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { runRollout } from "@vid2world/world/evaluation/run-rollout";
import { createProgress } from "../progress.js";
import { configOf, worldOf } from "../rollout/open-world.js";
import { type RolloutFlags, rolloutOptions } from "../rollout/options.js";
import { rolloutByProtocol } from "../rollout/protocol-rollout.js";
import { recordingsOf } from "./demo.js";

export { worldOf } from "../rollout/open-world.js";

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
      else await rolloutOwn(worldOf(given), flags, stop.signal);
    } finally {
      process.off("SIGINT", interrupt);
    }
  });
}

/** Rolls a world out on its held-out recordings. */
async function rolloutOwn(name: string, flags: RolloutFlags, signal: AbortSignal): Promise<void> {
  const { out, frames = usual.frames, starts = usual.starts, batch = usual.batch, seed, steps } = flags;
  const world = await loadWorld(name);
  const recording = await openRecording(flags.recordings ?? (await recordingsOf(name)));
  const progress = createProgress({ label: `${world.name}: rolling out`, total: starts * frames, unit: "frames" });
  const result = await runRollout(world, recording, {
    ...{ out, frames, starts, batch, seed, signal },
    ...(steps === undefined ? {} : { steps }),
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
