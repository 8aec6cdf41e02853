// Our side's scoring of a whole folder with stand-ins for the networks: what `vid2world evaluate` needs outside of them. All clips are links
// to one pair of videos: it is decoded once, and each clip gets frames of its own in memory, as ffmpeg (a process beside this one) would give them.
// Axes: B pictures or clips, T frames, C colours, H height, W width.
import { realpath } from "node:fs/promises";
import { readVideo, type VideoFrames } from "@vid2world/formats";
import { adaptiveAvgPool2d, type Tensor } from "@vid2world/torch";
import type { FeatureNetwork } from "@vid2world/world/evaluation/networks/feature-network";
import { evaluateFolder } from "@vid2world/world/evaluation/scores/evaluate-folder";
import type { Replies, ScoreFolderRequest } from "./protocol.js";

/** Scores every clip of a folder as `--env own` does: MSE, PSNR, SSIM, and FID and FVD of features as wide as the networks'. */
export async function scoreFolder({ folder }: ScoreFolderRequest): Promise<Replies["score-folder"]> {
  const begun = performance.now();
  const dispose = (): void => undefined;
  const report = await evaluateFolder(folder, {
    environment: "own",
    metrics: ["mse", "psnr", "ssim", "fid", "fvd"],
    readVideo: decodedOnce(),
    networks: {
      fid: shrunken("pictures of 26 x 27 pixels", 2048, (x_BCHW) => adaptiveAvgPool2d(x_BCHW, [26, 27])),
      fvd: shrunken("clips' mean of 12 x 12 pixels", 400, (x_BTCHW) => adaptiveAvgPool2d(x_BTCHW.mean([1]), [12, 12])),
      ...{ missing: {}, checksums: {}, dispose, [Symbol.dispose]: dispose },
    },
  });
  return { clips: report.scores.clips.length, milliseconds: performance.now() - begun };
}

function decodedOnce(): (file: string) => Promise<VideoFrames> {
  const decoded = new Map<string, Promise<VideoFrames>>();
  return async (file) => {
    const place = await realpath(file);
    const video = decoded.get(place) ?? readVideo(place);
    decoded.set(place, video);
    const { frames_THWC, ...info } = await video;
    return { frames_THWC: frames_THWC.slice(), ...info };
  };
}

/** Stands in for a feature network: the first numbers of smaller pictures. */
function shrunken(name: string, width: number, shrink: (x: Tensor) => Tensor): FeatureNetwork {
  const dispose = (): void => undefined;
  return {
    name,
    width,
    features: (x) => shrink(x).flatten({ startDim: 1 }).narrow(1, 0, width),
    ...{ dispose, [Symbol.dispose]: dispose },
  };
}
