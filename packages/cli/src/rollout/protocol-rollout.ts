// `vid2world rollout --protocol`: opens world and clips, runs the protocol, shows progress and a summary.
import { invalid } from "@vid2world/formats";
import type { DomainSource } from "@vid2world/world/data/domain-clip";
import { type LongActions, readActionFile } from "@vid2world/world/evaluation/protocols/movement";
import { type ProtocolName, checkProtocol } from "@vid2world/world/evaluation/protocols/protocol-table";
import { runProtocol } from "@vid2world/world/evaluation/protocols/run-protocol";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { type Progress, createProgress } from "../progress.js";
import { domainOf, openClips } from "./open-clips.js";
import { contextOf, openWorld } from "./open-world.js";
import type { RolloutFlags } from "./options.js";

/** Runs a protocol for a command's arguments and prints what was done. */
export async function rolloutByProtocol(
  given: string,
  protocol: ProtocolName,
  config: DenoisingRunConfig | undefined,
  flags: RolloutFlags,
  signal: AbortSignal,
): Promise<void> {
  checkProtocol(protocol, domainOf(config, flags)); // before weights of gigabytes are read
  const own = config?.protocol?.name === protocol ? config.protocol : undefined;
  const frames = flags.frames ?? own?.frames;
  const magnitude = flags.magnitude ?? own?.magnitude;
  const context = flags.context ?? (takesConfigured(protocol, config) ? await contextOf(given, flags) : undefined);
  const numbers = {
    ...(frames !== undefined && { frames }),
    ...(context !== undefined && { contextFrames: context }),
  };
  const { rank, worldSize } = share(process.env);
  const world = await openWorld(given, config, flags);
  const source = await openClips(given, config, flags, {
    ...numbers,
    protocol,
    windowLength: world.config.unet.temporalLength,
  });
  let progress: Progress | undefined;
  try {
    const result = await runProtocol(world, source, {
      ...{ protocol, rank, worldSize, signal, out: flags.out, seed: flags.seed },
      ...(flags.stride !== undefined && { stride: flags.stride }),
      ...(flags.batch !== undefined && { batch: flags.batch }),
      ...(flags.starts !== undefined && { starts: flags.starts }),
      ...numbers,
      ...(magnitude !== undefined && { magnitude }),
      ...(flags.actions !== undefined && { actions: await actionsOf(flags.actions, source) }),
      onProgress: ({ done, total }) => {
        progress ??= createProgress({ label: `${world.name}: ${protocol}`, total, unit: "frames" });
        progress.update(done);
      },
    });
    progress?.finish();
    const { written, skipped, tooShort, secondsPerFrame, contextFrames, frames: predicted } = result;
    const rate = secondsPerFrame === undefined ? "" : `; ${secondsPerFrame.toFixed(3)} s per frame`;
    const what = `${contextFrames} known and ${predicted} predicted frames each`;
    console.log(`${flags.out}: ${written.length} rollouts written (${what}), ${skipped.length} were complete${rate}`);
    const missing = "missing" in source ? (source.missing as readonly string[]) : [];
    if (tooShort.length > 0) console.log(`note: ${tooShort.length} clips are too short, for instance ${tooShort[0]}`);
    if (missing.length > 0)
      console.log(`note: ${missing.length} listed episodes are absent, for instance ${missing[0]}`);
  } finally {
    await source.close();
  }
}

/** Whether the configuration's number of known frames is meant for this protocol: two of them have numbers of their own. */
function takesConfigured(protocol: ProtocolName, config: DenoisingRunConfig | undefined): boolean {
  return config?.protocol?.name === protocol || (protocol !== "long" && protocol !== "nar");
}

/** RANK and WORLD_SIZE, as launchers of several processes set them. */
function share(env: NodeJS.ProcessEnv): { readonly rank: number; readonly worldSize: number } {
  const read = (name: string, absent: number): number => {
    const text = env[name];
    if (text === undefined || text === "") return absent;
    if (!/^\d+$/.test(text)) throw invalid(name, "a whole number", text);
    return Number(text);
  };
  return { rank: read("RANK", 0), worldSize: read("WORLD_SIZE", 1) };
}

async function actionsOf(given: string, { actionDim }: DomainSource): Promise<LongActions> {
  if (given === "drawn" || given === "recorded") return given;
  if (!given.endsWith(".npy")) throw invalid("--actions", "drawn, recorded or a .npy file", given);
  return readActionFile(given, actionDim);
}
