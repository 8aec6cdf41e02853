// Every command: to add one, write a file beside this one and add its line here.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** A command by name; `load` imports its file, which exports a function that builds it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandUnknownOpts>;
}

/** In the order in which `vid2world --help` shows them. */
export const commands: readonly CommandEntry[] = [
  { name: "doctor", summary: "show what this installation has, and how to get what is missing", load: async () => (await import("./doctor.js")).doctorCommand() }, // prettier-ignore
  { name: "data", summary: "convert, import, look at and check data for training", load: async () => (await import("./data.js")).dataCommand() }, // prettier-ignore
  { name: "train", summary: "train an autoencoder, a video model or a world model", load: async () => (await import("./train.js")).trainCommand() }, // prettier-ignore
  { name: "report", summary: "show a training run: curves, samples, interruptions, in one page", load: async () => (await import("./report.js")).reportCommand() }, // prettier-ignore
  { name: "play", summary: "play a world in the browser, or serve it to others and to programs", load: async () => (await import("./play.js")).playCommand() }, // prettier-ignore
  { name: "demo", summary: "roll a world out on held-out recordings: videos, contact sheet, numbers", load: async () => (await import("./demo.js")).demoCommand() }, // prettier-ignore
  { name: "rollout", summary: "predicted continuations of recordings as exact frames and videos", load: async () => (await import("./rollout.js")).rolloutCommand() }, // prettier-ignore
  { name: "evaluate", summary: "score rollouts: MSE, PSNR, SSIM, LPIPS, DreamSim, FID, FVD", load: async () => (await import("./evaluate.js")).evaluateCommand() }, // prettier-ignore
  { name: "obedience", summary: "tell whether a world does as it is told: five tests with intervals", load: async () => (await import("./obedience.js")).obedienceCommand() }, // prettier-ignore
  { name: "drift", summary: "tell where a world breaks over long rollouts", load: async () => (await import("./drift.js")).driftCommand() }, // prettier-ignore
  { name: "model-card", summary: "measure a world and show what it can and cannot do, in one page", load: async () => (await import("./model-card.js")).modelCardCommand() }, // prettier-ignore
  { name: "weights", summary: "get, list and verify the published weights that the method needs", load: async () => (await import("./weights.js")).weightsCommand() }, // prettier-ignore
  { name: "config", summary: "convert published configurations into ours; JSON Schema of ours for editors", load: async () => (await import("./config.js")).configCommand() }, // prettier-ignore
  { name: "inspect", summary: "tell what a checkpoint is, without loading it", load: async () => (await import("./inspect.js")).inspectCommand() }, // prettier-ignore
  { name: "export", summary: "write weights as safetensors, or as a checkpoint of the published code", load: async () => (await import("./export.js")).exportCommand() }, // prettier-ignore
  { name: "verify", summary: "compute recorded reference cases and show how far each is off", load: async () => (await import("./verify.js")).verifyCommand() }, // prettier-ignore
  { name: "causality", summary: "tell whether information flows backward in time, and what streaming changes", load: async () => (await import("./causality.js")).causalityCommand() }, // prettier-ignore
  { name: "bench", summary: "measure operators, network and memory against PyTorch for Python", load: async () => (await import("./bench.js")).benchCommand() }, // prettier-ignore
];
