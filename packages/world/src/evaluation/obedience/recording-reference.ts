// What a world's recordings say about actions, against which the world is held: a network that recovers actions, what each channel does to
// the picture, and how much changes while nothing is pressed. Computed once per recording and kept under its checksum.
// Axes: T frames, A action channels, F features.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { FormatError, openSafetensors } from "@vid2world/formats";
import { cat, fromTypedArray, loadSafetensors, saveSafetensors, type Tensor } from "@vid2world/torch";
import { z } from "zod";
import { encodeActions, restRow } from "../../data/action-space.js";
import { type Episode, type Recording, readClip } from "../../data/recording.js";
import { imageNames } from "../../data/frames.js";
import { HEADER_FILE } from "../../data/recording-format.js";
import { hashFile } from "../../weights/checksum.js";
import { imageMotion, motionKinds } from "../metrics/image-motion.js";
import { pictureChange } from "../metrics/picture-change.js";
import { average } from "../metrics/average.js";
import { spread } from "../report/compositions.js";
import { channelEffects, type ObservedPair } from "./channel-effects.js";
import { clipFeatures, InverseDynamics, trainInverseDynamics } from "./inverse-dynamics.js";

/** Changed when what is computed changes, so that what was kept is not mistaken for it. */
const VERSION = 2;

const factsSchema = z.strictObject({
  version: z.literal(VERSION),
  /** Clearest effect of each channel; see ChannelEffect. */
  effects: z.array(
    z.strictObject({
      channel: z.string(),
      motion: z.enum(motionKinds),
      slope: z.number(),
      t: z.number(),
      pairs: z.int(),
    }),
  ),
  /** Mean change from frame to frame, in steps of a byte: over all looked-at pairs, and over those while nothing was pressed. */
  change: z.number(),
  restChange: z.number().nullable(),
  restPairs: z.int(),
  trainedPairs: z.int(),
});

/** What {@link openReference} finds. Free it by `dispose`. */
export interface RecordingReference extends z.output<typeof factsSchema>, Disposable {
  /** SHA-256 of all files of the recording. */
  readonly sha256: string;
  readonly network: InverseDynamics;
}

/** How a reference is found. */
export interface ReferenceOptions {
  /** Horizontal field of view in degrees, where it is known. */
  readonly fieldOfView?: number | undefined;
  /** Where references are kept; default `~/.cache/vid2world/references`. */
  readonly cacheFolder?: string | undefined;
  /** Clips read so far. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Pairs that the network learns from, at most: more take longer and tell little more. */
const trainedPairs = 6000;
/** Pairs whose motion is measured. */
const observedPairs = 960;

/** Reads the reference of a recording, or computes it from the clips that are for training (all, where none is) and keeps it. */
export async function openReference(recording: Recording, options: ReferenceOptions = {}): Promise<RecordingReference> {
  const { fieldOfView, cacheFolder = path.join(homedir(), ".cache", "vid2world", "references") } = options;
  const sha256 = await recordingChecksum(recording, options.signal);
  const key = createHash("sha256")
    .update(JSON.stringify([VERSION, sha256, fieldOfView ?? null]))
    .digest("hex");
  const file = path.join(cacheFolder, `${key}.safetensors`);
  if (!existsSync(file)) {
    const { network, ...facts } = await learn(recording, options);
    await mkdir(cacheFolder, { recursive: true });
    await saveSafetensors(file, network.stateDict(), { metadata: { reference: JSON.stringify(facts) } });
    disposeAll(network.stateDict());
  }
  const facts = await readFacts(file);
  const network = new InverseDynamics(recording.actionWidth).eval().requiresGrad_(false);
  const state = await loadSafetensors(file);
  network.loadStateDict(state);
  disposeAll(state);
  return { ...facts, sha256, network, [Symbol.dispose]: () => disposeAll(network.stateDict()) };
}

/** SHA-256 over names and bytes of everything that a recording consists of. */
export async function recordingChecksum({ folder, episodes }: Recording, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const add = async (file: string): Promise<void> => {
    hash.update(`${path.relative(folder, file)}\0`);
    await hashFile(file, hash, signal ? { signal } : {});
  };
  await add(path.join(folder, HEADER_FILE));
  for (const episode of episodes) {
    await add(episode.actionsFile);
    if (episode.media === "video") await add(episode.path);
    else for (const name of await imageNames(episode.path)) await add(path.join(episode.path, name));
  }
  return hash.digest("hex");
}

async function readFacts(file: string): Promise<z.output<typeof factsSchema>> {
  await using opened = await openSafetensors(file);
  const found = factsSchema.safeParse(JSON.parse(opened.metadata["reference"] ?? "null"));
  if (!found.success) throw new FormatError(file, "holds no reference of a recording; remove it, it is made anew");
  return found.data;
}

async function learn(
  recording: Recording,
  { fieldOfView, onProgress, signal }: ReferenceOptions,
): Promise<z.output<typeof factsSchema> & { readonly network: InverseDynamics }> {
  const { header, actionWidth } = recording;
  const forTraining = recording.episodes.filter(({ split }) => split === "train");
  const episodes = forTraining.length > 0 ? forTraining : recording.episodes;
  const total = episodes.reduce((sum, { frames }) => sum + Math.max(0, frames - 1), 0);
  const share = (episode: Episode, of: number): number[] =>
    spread(episode.frames - 1, Math.max(1, Math.floor((of * (episode.frames - 1)) / total)));
  const atRest = encodeActions(header.channels, [restRow(header.channels)]).join();

  const [features, actions]: [Tensor[], number[]] = [[], []];
  const observed: (ObservedPair & { readonly change: number; readonly rest: boolean })[] = [];
  const size = header.height * header.width * 3;
  for (const [done, episode] of episodes.entries()) {
    if (episode.frames < 2) continue;
    const { frames_THWC, actions_TA } = await readClip(episode, signal ? { signal } : {});
    const frame = (t: number): Uint8Array => frames_THWC.subarray(t * size, (t + 1) * size);
    const action = (t: number): Float32Array => actions_TA.subarray(t * actionWidth, (t + 1) * actionWidth);
    const chosen = share(episode, trainedPairs);
    features.push(clipFeatures(frames_THWC, header, chosen));
    for (const t of chosen) actions.push(...action(t));
    for (const t of share(episode, observedPairs)) {
      const motion = imageMotion(frame(t), frame(t + 1), { ...header, ...(fieldOfView && { fieldOfView }) });
      // What was pressed before still moves: only the second frame of doing nothing is at rest.
      const rest = t > 0 && action(t).join() === atRest && action(t - 1).join() === atRest;
      observed.push({ motion, action_A: action(t), change: pictureChange(frame(t), frame(t + 1)), rest });
    }
    onProgress?.(done + 1, episodes.length);
  }
  const table = {
    features_NF: cat(features),
    actions_NA: fromTypedArray(Float32Array.from(actions), [actions.length / actionWidth, actionWidth]),
  };
  const network = trainInverseDynamics(table);
  for (const tensor of [...features, table.features_NF, table.actions_NA]) tensor.dispose();
  const atRestOnes = observed.filter(({ rest }) => rest);
  return {
    version: VERSION,
    effects: channelEffects(header.channels, observed),
    change: average(observed.map(({ change }) => change)),
    restChange: atRestOnes.length < 5 ? null : average(atRestOnes.map(({ change }) => change)),
    restPairs: atRestOnes.length,
    trainedPairs: actions.length / actionWidth,
    network,
  };
}

function disposeAll(state: ReadonlyMap<string, Tensor>): void {
  for (const tensor of state.values()) tensor.dispose();
}
