// Where the comparison of streaming with whole windows starts: a clip of the data, or random pictures, encoded and described by the world
// itself as any rollout is.
// Axes: K known frames, T frames, H height, W width, A numbers per action.
import { invalid } from "@vid2world/formats";
import { manualSeed, randn, scope } from "@vid2world/torch";
import type { DomainSource } from "../data/domain-clip.js";
import { seededNoise } from "../diffusion/noise.js";
import type { RolloutStart } from "../diffusion/rollout.js";
import type { WorldModel } from "../world-model.js";
import { checkFit } from "./protocols/check-fit.js";
import { type FrameBlock, blockOf, sliceBlock } from "./protocols/frame-block.js";
import { actionsOfAll, encodeWindow } from "./protocols/sampling.js";
import { seededRandom } from "./starts.js";

/** Known frames [K 3 H W] in -1..1, and at least K - 1 + N rows of A numbers. */
export interface KnownClip {
  readonly known: FrameBlock;
  readonly actions_TA: Float32Array;
}

/** What a start is for. */
export interface StartUse {
  /** Frames that will be predicted, N. */
  readonly frames: number;
  readonly seed: number;
}

/** One of the source's clips that are long enough, drawn by seed. @throws InvalidArgumentError where none is, or does not fit the world. */
export async function drawnClip(world: WorldModel, source: DomainSource, use: StartUse): Promise<KnownClip> {
  checkFit(world, source);
  const needed = world.contextFrames + use.frames;
  const starts = source.list().filter(({ available = Infinity }) => available >= needed);
  const start = starts[Math.floor(seededRandom(use.seed)() * starts.length)];
  if (!start) throw invalid("clips", `at least one of ${needed} frames`, "shorter ones only");
  const clip = await source.read(start, needed);
  using frames_TCHW = clip.frames_TCHW;
  return { known: sliceBlock(blockOf(frames_TCHW), 0, world.contextFrames), actions_TA: clip.actions_TA };
}

/** Random pictures and actions, for a world without data at hand. */
export function randomClip(world: WorldModel, { frames, seed }: StartUse): KnownClip {
  const { contextFrames, height, width, actionWidth } = world;
  manualSeed(seed);
  using pixels_TCHW = scope(() => randn([contextFrames, 3, height, width]).mul(0.5).clamp({ min: -1, max: 1 }));
  using actions_TA = randn([contextFrames - 1 + frames, Math.max(1, actionWidth)]);
  return { known: blockOf(pixels_TCHW), actions_TA: actions_TA.toTypedArray() as Float32Array };
}

/** Encodes the known frames and describes the scene on the world's device. The tensors are the caller's: {@link disposeStart}. */
export function deviationStart(world: WorldModel, clip: KnownClip, { frames, seed }: StartUse): RolloutStart {
  const batch = { known: [clip.known], actions_TA: [clip.actions_TA], seeds: [seed] };
  const { latents_BTCHW, scene } = encodeWindow(world, batch.known, seededNoise([seed], { device: world.device }));
  const actions_BTA = actionsOfAll(world, batch, 0, clip.known.frames - 1 + frames);
  return { ...scene, latents_BTCHW, ...(actions_BTA && { actions_BTA }), numFrames: frames };
}

/** Frees a start. */
export function disposeStart({ latents_BTCHW, actions_BTA, context, unconditionalContext }: RolloutStart): void {
  for (const tensor of [latents_BTCHW, actions_BTA, context, unconditionalContext]) tensor?.dispose();
}
