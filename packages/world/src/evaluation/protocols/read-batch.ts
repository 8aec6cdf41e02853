// Reads the clips of a batch and gives them the actions of the protocol.
// Axes: T frames, A numbers per action.
import { FormatError, invalid } from "@vid2world/formats";
import type { Channel } from "../../data/action-space.js";
import type { DomainClip, DomainSource } from "../../data/domain-clip.js";
import { variantActions } from "./action-control.js";
import { type FrameBlock, blockOf, sliceBlock } from "./frame-block.js";
import type { Job } from "./jobs.js";
import { type LongActions, heldMovements, movements } from "./movement.js";
import type { ProtocolLengths, ProtocolName } from "./protocol-table.js";

/** A clip as a protocol samples and writes it. */
export interface ProtocolClip {
  readonly known: FrameBlock;
  /** What the prediction is set beside: the clip itself; of a long rollout the known frames, or under recorded actions what followed. */
  readonly truth: FrameBlock;
  readonly actions_TA: Float32Array;
  readonly fps: number | undefined;
}

/** What a source of clips is read for. */
export interface ReadOptions {
  readonly protocol: ProtocolName;
  readonly lengths: ProtocolLengths;
  readonly stride: number;
  /** Of a long rollout. */
  readonly actions: LongActions;
  /** Named channels, of own recordings. */
  readonly channels?: readonly Channel[];
}

/** Reads the clip of a job. */
export async function readProtocolClip(source: DomainSource, job: Job, options: ReadOptions): Promise<ProtocolClip> {
  const { protocol, lengths, stride, actions } = options;
  const { contextFrames, frames, clipFrames } = lengths;
  const clip = await source.read(job.start, clipFrames, stride);
  using frames_TCHW = clip.frames_TCHW;
  const whole = blockOf(frames_TCHW);
  if (whole.frames !== clipFrames) throw new FormatError(clip.name, `gave ${whole.frames} frames, not ${clipFrames}`);
  const known = sliceBlock(whole, 0, contextFrames);
  const shared = { known, fps: clip.fps };
  if (protocol !== "long") {
    const own = clip.actions_TA;
    return { ...shared, truth: whole, actions_TA: job.variant ? variantActions(job.variant, own) : own };
  }
  const recorded = actions === "recorded";
  return {
    ...shared,
    truth: recorded ? sliceBlock(whole, contextFrames, clipFrames) : known,
    actions_TA: recorded ? clip.actions_TA : followedBy(clip, contextFrames, futureRows(source, job, frames, options)),
  };
}

/** Rows for after the known frames: from a file, or drawn with the job's seed. */
function futureRows(source: DomainSource, job: Job, frames: number, { actions, channels }: ReadOptions): Float32Array {
  if (actions === "drawn") return heldMovements(movements(source.domain, channels), frames, job.seed);
  if (actions === "recorded") return new Float32Array(0);
  const needed = frames * source.actionDim;
  if (actions.rows_TA.length < needed)
    throw invalid(
      "actions",
      `at least ${frames} rows, one for each predicted frame`,
      `${actions.rows_TA.length / source.actionDim} in ${actions.name}`,
    );
  return actions.rows_TA.subarray(0, needed);
}

function followedBy({ actions_TA, actionDim }: DomainClip, known: number, future_TA: Float32Array): Float32Array {
  const joined = new Float32Array(known * actionDim + future_TA.length);
  joined.set(actions_TA.subarray(0, known * actionDim));
  joined.set(future_TA, known * actionDim);
  return joined;
}
