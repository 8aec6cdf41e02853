// Reads one pair of clips as the scores want it: the same frames of both, cut and resized, with values in [-1, 1].
// Axes: T frames, C = 3 colours, H height, W width.
import { FormatError, readVideo, type VideoFrames } from "@vid2world/formats";
import { readNpz } from "@vid2world/formats/npy/npz";
import { fromTypedArray, scope, type Tensor, upsampleBilinear2d } from "@vid2world/torch";
import type { ClipPair } from "./clip-pairs.js";
import type { Environment, ScoredView } from "./environments.js";

/** Where frames are taken from: the videos, with their coding loss, as published; or the raw frames where they were kept. */
export type FrameSource = "video" | "lossless";

/** Both clips, [T 3 H W] float32 in [-1, 1]; the caller frees them. */
export interface ReadPair {
  readonly truth_TCHW: Tensor;
  readonly prediction_TCHW: Tensor;
  readonly source: FrameSource;
  /** What a reader should know: a clip that is one colour throughout. */
  readonly warnings: readonly string[];
}

/** Gives the frames of a video. */
export type VideoReader = (file: string) => Promise<VideoFrames>;

/** Reads a pair; its videos by `reader`, default: ffmpeg. @throws FormatError for clips that are damaged, too short, not equally long or large, or not finite. */
export async function readPair(
  pair: ClipPair,
  environment: Environment,
  wanted: FrameSource,
  reader: VideoReader = readVideo,
): Promise<ReadPair> {
  const source = wanted === "lossless" && pair.raw !== undefined ? "lossless" : "video";
  const { truth, prediction } =
    source === "video" ? await readVideos(pair, reader) : await readRaw(pair, pair.raw as string);
  try {
    requireSame(pair, truth, prediction);
    const [frames = 0] = truth.clip_TCHW.shape;
    if (frames < environment.frames)
      throw damaged(truth, `has ${frames} frames; ${environment.title} is scored over ${environment.frames}`);
    const warnings = [truth, prediction].flatMap(({ clip_TCHW }, i) =>
      isUniform(clip_TCHW) ? [`${pair.name}: the ${i === 0 ? "true" : "predicted"} clip is one colour throughout`] : [],
    );
    const [truth_TCHW, prediction_TCHW] = scope(
      () => [view(truth, environment.view), view(prediction, environment.view)] as const,
    );
    return { truth_TCHW, prediction_TCHW, source, warnings };
  } finally {
    truth.clip_TCHW.dispose();
    prediction.clip_TCHW.dispose();
  }
}

/** One clip as it was read, and where it lies. */
interface StoredClip {
  readonly clip_TCHW: Tensor;
  readonly file: string;
  /** The array's name where the file holds both clips. */
  readonly key?: "gt" | "pred";
}

interface Clips {
  readonly truth: StoredClip;
  readonly prediction: StoredClip;
}

const damaged = ({ file, key }: Omit<StoredClip, "clip_TCHW">, what: string): FormatError =>
  new FormatError(file, key === undefined ? what : `${key} ${what}`);

async function readVideos({ truth, prediction, name }: ClipPair, reader: VideoReader): Promise<Clips> {
  // Both at once: most of the time is that of starting their decoders.
  const [a, b] = await Promise.all([reader(truth), reader(prediction)]);
  if (Math.abs(a.fps - b.fps) > 1e-3 * a.fps)
    throw new FormatError(prediction, `has ${b.fps} frames per second, its truth ${a.fps}; make clip ${name} again`);
  const unit = ({ frames_THWC, frames, height, width }: typeof a): Tensor =>
    scope(() =>
      fromTypedArray(frames_THWC, [frames, height, width, 3])
        .permute([0, 3, 1, 2])
        .to("float32")
        .div(255)
        .mul(2)
        .sub(1),
    );
  return { truth: { clip_TCHW: unit(a), file: truth }, prediction: { clip_TCHW: unit(b), file: prediction } };
}

async function readRaw({ name }: ClipPair, file: string): Promise<Clips> {
  const arrays = await readNpz(file);
  const clip = (key: "gt" | "pred"): StoredClip => {
    const array = arrays.get(key);
    if (array?.dtype !== "float32" || array.shape.length !== 4 || array.shape[0] !== 3) {
      const found = array ? `is ${array.dtype} [${array.shape.join(", ")}]` : "is missing";
      throw damaged({ file, key }, `${found} and must be float32 [3, T, H, W]; make clip ${name} again`);
    }
    const clip_TCHW = scope(() =>
      fromTypedArray(array.data as Float32Array, array.shape)
        .transpose(0, 1)
        .mul(2)
        .sub(1),
    );
    return { clip_TCHW, file, key };
  };
  return { truth: clip("gt"), prediction: clip("pred") };
}

function requireSame({ name }: ClipPair, truth: StoredClip, prediction: StoredClip): void {
  const describe = ({ clip_TCHW: { shape } }: StoredClip): string => `${shape[0]} frames of ${shape[2]}x${shape[3]}`;
  if (String(truth.clip_TCHW.shape) !== String(prediction.clip_TCHW.shape))
    throw damaged(prediction, `has ${describe(prediction)}, its truth ${describe(truth)}; make clip ${name} again`);
  for (const clip of [truth, prediction]) {
    const { clip_TCHW } = clip;
    if (scope(() => clip_TCHW.isfinite().all().item()) === 1) continue;
    const values = clip_TCHW.contiguous().toTypedArray() as Float32Array;
    const [frames = 1] = clip_TCHW.shape;
    const first = Math.floor(values.findIndex((value) => !Number.isFinite(value)) / (values.length / frames));
    throw damaged(
      clip,
      `of clip ${name} holds values that are not finite, the first in frame ${first + 1} of ${frames}; nothing is averaged over them: make the clip again`,
    );
  }
}

/** Raw frames of other programs may overshoot a little; the published evaluation clamps what it scores. */
const clamped = (clip: Tensor): Tensor => clip.clamp({ min: -1, max: 1 });

const isUniform = (clip: Tensor): boolean => scope(() => clip.amax().sub(clip.amin()).item()) === 0;

function view(stored: StoredClip, spec: ScoredView | undefined): Tensor {
  const clip_TCHW = clamped(stored.clip_TCHW);
  if (spec === undefined) return clip_TCHW.clone();
  const [, , height, width] = clip_TCHW.dims("T C H W");
  const [cropHeight, cropWidth] = spec.crop;
  if (height < cropHeight || width < cropWidth)
    throw damaged(stored, `is ${height}x${width}; the published evaluation cuts ${cropHeight}x${cropWidth} out of it`);
  const top = Math.floor((height - cropHeight) / 2);
  const left = Math.floor((width - cropWidth) / 2);
  const cut = clip_TCHW.narrow(2, top, cropHeight).narrow(3, left, cropWidth).contiguous();
  return upsampleBilinear2d(cut, spec.size, false);
}
