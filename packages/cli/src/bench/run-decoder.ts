// `bench decoder`: the tiny decoder beside the autoencoder's own, on the latents of held-out frames. Quality and time of one frame.
import { libtorchVersion, setNumThreads, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";
import { loadWorld, worldCodec } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { scoreHorizons } from "@vid2world/world/evaluation/metrics/horizon";
import { sharpness } from "@vid2world/world/evaluation/metrics/sharpness";
import { chooseStarts } from "@vid2world/world/evaluation/starts";
import { recordingsOf } from "../commands/demo.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { textTable } from "@vid2world/formats/text-table";
import { ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** One decoder's figures. */
export interface DecoderFigures {
  readonly decoder: "full" | "tiny";
  readonly parameters: number;
  /** Against the real frames. */
  readonly psnr: number;
  readonly ssim: number;
  readonly sharpness: number;
  /** Milliseconds of wall time and of user CPU time to decode one frame to bytes. */
  readonly time: Times;
  readonly cpuTime: Times;
}

/** What `bench decoder` found. */
export interface DecoderResult extends Circumstances {
  readonly benchmark: "decoder";
  readonly world: string;
  readonly frames: number;
  readonly decoders: readonly DecoderFigures[];
  /** PSNR of the tiny decoder's pictures against the full one's, dB. */
  readonly psnrToFull: number;
  /** User CPU time of the tiny decoder as a part of the full one's. */
  readonly cpuRatio: Ratio;
}

/** What is measured. */
export interface DecoderOptions {
  readonly world: string;
  /** File of a tiny decoder in place of the world's own. */
  readonly tinyDecoder?: string;
  readonly frames: number;
  /** Turns that the two take. */
  readonly rounds: number;
  readonly threads: number;
}

const names = ["full", "tiny"] as const;

/** Runs the benchmark; the decoders take turns. */
export async function runDecoder(options: DecoderOptions): Promise<DecoderResult> {
  const { frames, rounds, threads, tinyDecoder } = options;
  setNumThreads(threads);
  const world = await loadWorld(options.world, tinyDecoder === undefined ? {} : { tinyDecoder });
  const { config, device, parts } = world;
  if (!parts.tinyDecoder)
    throw invalid(
      "--tiny-decoder",
      `a file, because world "${world.name}" has no tiny decoder of its own`,
      tinyDecoder,
    );
  const codecs = {
    full: worldCodec(parts.autoencoder, config, device),
    tiny: worldCodec(parts.autoencoder, config, device, parts.tinyDecoder),
  };
  const modules = { full: parts.autoencoder.decoder, tiny: parts.tinyDecoder };
  const clips = await readHeldOutClips(await openRecording(await recordingsOf(options.world)), world);
  const truth = chooseStarts(clips, { count: frames, contextFrames: 1, frames: 1, seed: 0 }).map(
    ({ truth_THWC }) => truth_THWC,
  );
  const latents = truth.map((frame) => codecs.full.encode(frame));
  const pictures = {
    full: latents.map((latent) => codecs.full.decode(latent)),
    tiny: latents.map((latent) => codecs.tiny.decode(latent)),
  };
  const samples = { full: timer(), tiny: timer() };
  for (let round = 0; round < rounds; round++)
    for (const name of names) samples[name].time(() => codecs[name].decode(latents[round % frames] as Tensor));
  const decoders = names.map((decoder): DecoderFigures => {
    const scores = scoreHorizons(pictures[decoder], truth, world);
    return {
      decoder,
      parameters: modules[decoder].parameters().reduce((sum, { numel }) => sum + numel, 0),
      psnr: scores.psnrMean,
      ssim: scores.ssimMean,
      sharpness: sharpness(pictures[decoder], truth, world),
      time: timesOf(samples[decoder].wall),
      cpuTime: timesOf(samples[decoder].cpu),
    };
  });
  return {
    benchmark: "decoder",
    ...{ world: world.name, frames, decoders },
    psnrToFull: scoreHorizons(pictures.tiny, pictures.full, world).psnrMean,
    cpuRatio: ratioOf(timesOf(samples.tiny.cpu), timesOf(samples.full.cpu)),
    ...circumstances(threads, { libtorch: libtorchVersion }),
  };
}

/** Milliseconds of calls, the first of which only warms up. */
function timer(): { readonly wall: number[]; readonly cpu: number[]; time(call: () => unknown): void } {
  const [wall, cpu]: [number[], number[]] = [[], []];
  return {
    wall,
    cpu,
    time(call) {
      if (wall.length === 0) call();
      const [began, before] = [performance.now(), process.cpuUsage()];
      call();
      cpu.push(process.cpuUsage(before).user / 1000);
      wall.push(performance.now() - began);
    },
  };
}

/** The result as a table. */
export function showDecoder({ decoders, world, frames, psnrToFull, cpuRatio }: DecoderResult): string {
  const rows = decoders.map(({ decoder, parameters, psnr, ssim, sharpness, time, cpuTime }) => [
    decoder,
    String(parameters),
    psnr.toFixed(2),
    ssim.toFixed(3),
    sharpness.toFixed(2),
    cpuTime.median.toFixed(1),
    cpuTime.minimum.toFixed(1),
    time.median.toFixed(1),
  ]);
  const heading = ["decoder", "parameters", "PSNR, dB", "SSIM", "sharpness", "CPU ms", "least", "wall ms"];
  return `${world}, ${frames} held-out frames, decoded one at a time

${textTable([heading, ...rows])}

tiny against full: ${psnrToFull.toFixed(2)} dB, ${(1 / cpuRatio.median).toFixed(1)} times as fast (CPU time, medians; least ${(1 / cpuRatio.minimum).toFixed(1)})`;
}
