// The options of `vid2world rollout`, for rollouts of a world's own recordings and for the published protocols.
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { solverNames, spacings } from "@vid2world/world/diffusion/samplers/sampler-config";
import { protocolNames } from "@vid2world/world/evaluation/protocols/protocol-table";
import { dtypeOption } from "../commands/dtype-option.js";
import { countOption } from "../commands/whole-number.js";
import { setOption } from "../commands/set-option.js";

const EXAMPLES = `
Examples:
  vid2world rollout doom --frames 60                 the built-in world, on its held-out recordings
  vid2world rollout configs/doom/world.yaml          the world that was trained from this configuration
  vid2world rollout configs/debug.yaml --protocol ar --untrained --steps 5
  vid2world rollout configs/manipulation/rt1_test_ar.yaml --checkpoint rt1.ckpt --data RT1_NPZ --out out/rt1
  vid2world rollout my.yaml --protocol long --data STILLS --domain stills --checkpoint csgo.ckpt
  RANK=1 WORLD_SIZE=4 vid2world rollout ...          the second of four processes that share the work
Protocols are described in docs/protocols.md. Start a command again after Ctrl-C: what is complete is not made again.`;

const number = <Flags extends string>(flags: Flags, text: string) =>
  new Option(flags, text).argParser((given) => {
    const value = Number(given);
    if (given.trim() !== "" && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`${flags.split(" ")[0] ?? flags} takes a number.`);
  });

/** The command without its action. */
export function rolloutOptions() {
  return new Command("rollout")
    .description(
      "Roll a world out from known frames under given actions: exact frames and videos, one rollout per start.",
    )
    .argument("<world>", "a built-in world, the folder of one, or a configuration")
    .addOption(new Option("--protocol <name>", "a published test protocol").choices(protocolNames))
    .option("--out <folder>", "where the rollouts go", "out/rollout")
    .addOption(countOption("--frames <n>", "frames to predict from each start (default: 16, or the protocol's)", 1))
    .addOption(countOption("--starts <n>", "starts (default: 8, or all of the protocol)", 1))
    .addOption(
      countOption("--batch <n>", "starts rolled out together: what memory allows (default: 8; with a protocol 1)", 1),
    )
    .addOption(countOption("--seed <n>", "seed of starts and noise", 0).default(0))
    .addOption(countOption("--steps <n>", "denoising steps per frame (default: the world's)", 1))
    .option("--recordings <folder>", "own recordings to start from (default: the world's own)")
    .optionsGroup("With a protocol:")
    .option("--data <folder>", "the data set (default: the configuration's)")
    .addOption(
      new Option("--domain <name>", "layout of the data set (default: the configuration's)").choices([
        "rt1",
        "csgo",
        "recon",
        "stills",
      ] as const),
    )
    .option("--held-out <file>", "names of the held-out episodes (RT-1: JSON, CS:GO: text)")
    .option("--start-indices <file>", "first frames of the held-out episodes (CS:GO: .npy)")
    .option("--splits <folder>", "folder of trajectory lists and evaluation indices (RECON)")
    .addOption(countOption("--context <n>", "known frames (default: the protocol's)", 1))
    .addOption(countOption("--stride <n>", "take every n-th frame of the data (default: 1)", 1))
    .addOption(number("--magnitude <x>", "how far action-control pushes the world vector (default: 0.1)"))
    .option("--actions <what>", "what drives a long rollout: drawn, recorded, or a .npy file of rows (default: drawn)")
    .optionsGroup("Sampling:")
    .addOption(
      new Option("--solver <name>", "solver of the denoising steps; unipc and heun need --eta 0").choices(solverNames),
    )
    .addOption(new Option("--spacing <name>", "spacing of the denoising steps").choices(spacings))
    .addOption(number("--guidance <x>", "scale of the guidance by actions, 1 is none (published: 2.5)"))
    .addOption(number("--rescale <x>", "share of the guidance rescale, 0 to 1 (published: 0.7)"))
    .addOption(number("--eta <x>", "share of fresh noise per step, 0 to 1 (published: 1)"))
    .optionsGroup("Weights:")
    .option(
      "--checkpoint <file>",
      "published checkpoint or safetensors, also weights:NAME (default: the configuration's)",
    )
    .option("--supply <file...>", "further checkpoints, for networks that the first one does not have")
    .option("--untrained", "random weights: a try of everything but the pictures")
    .addOption(dtypeOption())
    .addOption(new Option("--device <name>", "cpu, cuda or cuda:N").default("cpu"))
    .addOption(setOption("override settings of the configuration, for instance model.temporalLength=20"))
    .addHelpText("after", EXAMPLES);
}

/** Options as they were given. */
export type RolloutFlags = ReturnType<ReturnType<typeof rolloutOptions>["opts"]>;
