// What a long rollout leaves on the way: every ten frames the published video and actions so far, and the exact frames to go on from.
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, writeFileAtomically, writeVideo } from "@vid2world/formats";
import { writeNpy } from "@vid2world/formats/npy/npy";
import { readNpz, writeNpz } from "@vid2world/formats/npy/npz";
import { type ClipSettings, workFolder } from "./clip-files.js";
import { type FrameBlock, joinBlocks, videoFrames } from "./frame-block.js";

const files = { state: "state.npz", settings: "state.json" } as const;
/** Frame rate of the published videos on the way; the final one has the domain's. */
const fps = 4;

/** What a long rollout has so far. */
export interface LongState {
  readonly name: string;
  readonly settings: ClipSettings;
  /** The known frames. */
  readonly history: FrameBlock;
  readonly predicted: FrameBlock;
  readonly actions_TA: Float32Array;
  readonly actionDim: number;
}

/**
 * Writes `pred_video_stepNNNN.mp4` (known and predicted frames) and `action_stepNNNN.npy` into the work folder, and unless the rollout is
 * `finished` what is needed to go on.
 */
export async function saveLongState(out: string, state: LongState, finished: boolean): Promise<void> {
  const { name, settings, history, predicted, actions_TA, actionDim } = state;
  const work = workFolder(out, name);
  await mkdir(work, { recursive: true });
  const { height, width, frames, values } = predicted;
  const step = String(frames).padStart(4, "0");
  const shown = joinBlocks(history, predicted);
  await writeVideo(join(work, `pred_video_step${step}.mp4`), videoFrames(shown), { height, width, fps, crf: 12 });
  const rows = history.frames + frames;
  const data = actions_TA.subarray(0, rows * actionDim);
  await writeNpy(join(work, `action_step${step}.npy`), { dtype: "float32", shape: [rows, actionDim], data });
  if (finished) return endLongState(work);
  const array = { dtype: "float32" as const, shape: [frames, 3, height, width], data: values };
  await writeFileAtomically(join(work, files.settings), JSON.stringify(settings));
  await writeNpz(join(work, files.state), new Map([["predicted", array]]));
}

/** The predicted frames of an interrupted rollout of these settings; undefined where there is none. Whatever else is there is removed. */
export async function loadLongState(
  out: string,
  name: string,
  settings: ClipSettings,
): Promise<FrameBlock | undefined> {
  const work = workFolder(out, name);
  try {
    const written = await readFile(join(work, files.settings), "utf8");
    const array = (await readNpz(join(work, files.state))).get("predicted");
    if (written === JSON.stringify(settings) && array?.data instanceof Float32Array) {
      const [frames = 0, , height = 0, width = 0] = array.shape;
      return { values: array.data, frames, height, width };
    }
  } catch (error) {
    if (!(error instanceof FormatError) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await rm(work, { recursive: true, force: true });
  return undefined;
}

async function endLongState(work: string): Promise<void> {
  for (const file of Object.values(files)) await rm(join(work, file), { force: true });
}
