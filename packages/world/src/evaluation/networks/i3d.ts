// The features of FVD (arXiv:1812.01717): an Inflated 3-D ConvNet (arXiv:1705.07750), which is published as a TorchScript program.
// Axes: B clips, T frames, C colours, H height, W width, D features.
import { FormatError } from "@vid2world/formats";
import { type Device, ScriptModule, ShapeError, type Tensor, upsampleBilinear2d } from "@vid2world/torch";
import { sha256Of } from "../../weights/checksum.js";
import { type FeatureNetwork, oneByOne } from "./feature-network.js";

/** Which numbers the program is given for black and white. It maps 0..255 to its own range itself. */
export type I3dRange =
  /** 0..1, as the published evaluation feeds it: almost black clips for the network. Needed to compare with published FVD. */
  | "published"
  /** 0..255, as the program expects. */
  | "bytes";

/** Settings of {@link loadI3d}. */
export interface I3dOptions {
  readonly device?: Device;
  /** Default `published`. */
  readonly range?: I3dRange;
  /** The checksum that the file must have: it is a program, and only the known one is run. */
  readonly sha256: string;
  /** The checksum that it has, where that was computed already. */
  readonly found?: string | undefined;
}

/** Pixels of a side, and features of a clip: the 400 scores before the last softmax. */
const [INPUT_SIZE, WIDTH] = [224, 400];
/** The network halves time until fewer frames than this leave nothing. */
const MINIMUM_FRAMES = 9;

/** Loads `i3d_torchscript.pt`. @throws FormatError when its checksum is not `sha256`; it is not run then. */
export async function loadI3d(file: string, options: I3dOptions): Promise<FeatureNetwork> {
  const { device = "cpu", range = "published", sha256, found = await sha256Of(file) } = options;
  if (found !== sha256.toLowerCase())
    throw new FormatError(
      file,
      `has SHA-256 ${found}, not ${sha256}; a TorchScript file is a program, and only the known one is run: get it with vid2world weights pull i3d`,
    );
  const script = new ScriptModule(file, { device });
  const scale = range === "published" ? 1 : 255;
  const featuresOf = (clips_BTCHW: Tensor): Tensor => {
    const [batch, frames] = clips_BTCHW.dims("B T C H W");
    const frames_NCHW = clips_BTCHW.flatten({ startDim: 0, endDim: 1 });
    const square_NCHW = upsampleBilinear2d(frames_NCHW, [INPUT_SIZE, INPUT_SIZE], false).add(1).div(2).mul(scale);
    const clips_BCTHW = square_NCHW.reshape([batch, frames, 3, INPUT_SIZE, INPUT_SIZE]).transpose(1, 2).contiguous();
    return script.call([clips_BCTHW], { keywords: { rescale: true, resize: true, return_features: true } });
  };
  return {
    name: `I3D (Kinetics-400, ${range === "published" ? "0..1 as published" : "0..255"})`,
    width: WIDTH,
    minimumFrames: MINIMUM_FRAMES,
    features(clips_BTCHW) {
      const { shape } = clips_BTCHW;
      if (shape.length !== 5 || shape[2] !== 3 || (shape[1] ?? 0) < MINIMUM_FRAMES)
        throw new ShapeError(
          `I3D: clips are [${shape.join(", ")}]; they must be [B, T, 3, H, W] with at least ${MINIMUM_FRAMES} frames`,
        );
      return oneByOne(clips_BTCHW.to(device), featuresOf);
    },
    dispose() {},
    [Symbol.dispose]() {},
  };
}
