// `vid2world causality`: whether information flows backward in time, layer kind by layer kind; and what streaming changes.
import { Command, Option } from "@commander-js/extra-typings";
import { measureCausality } from "@vid2world/world/evaluation/causality";
import { measureDeviation, usualVariants } from "@vid2world/world/evaluation/deviation";
import { disposeStart } from "@vid2world/world/evaluation/deviation-start";
import { invalid } from "@vid2world/formats";
import { networkToProbe, startOf } from "../causality/open.js";
import { showCausality, showDeviation } from "../causality/show.js";
import { countOption } from "./whole-number.js";
import { setOption } from "./set-option.js";

const EXAMPLES = `
Examples:
  vid2world causality doom                            the built-in world: nothing flows backward
  vid2world causality configs/game/csgo.yaml          a configuration, with random weights: its normalisation leaks
  vid2world causality my.yaml --checkpoint csgo.ckpt  the same with the weights of a checkpoint
  vid2world causality my.yaml --checkpoint csgo.ckpt --deviation --random-start
  vid2world causality doom --deviation --frames 12    and how far streaming is from whole windows, step by step, frame by frame
A frame is changed, and what changes before it is looked at: in every layer that mixes frames alone, and in the whole network.
See docs/streaming.md.`;

const domains = ["rt1", "csgo", "recon"] as const;

/** Builds the command. */
export function causalityCommand() {
  return new Command("causality")
    .description("Tell whether information flows backward in time, per kind of layer, and how much.")
    .argument("<world>", "a built-in world, the folder of one, or a configuration")
    .option("--checkpoint <file>", "weights for a configuration (default: random ones), also weights:NAME")
    .option("--supply <file...>", "further checkpoints, for networks that the first one does not have")
    .addOption(countOption("--size <n>", "height and width of the latents that are tried", 4).default(16))
    .addOption(countOption("--seed <n>", "seed of what is tried", 0).default(0))
    .option("--deviation", "compare rollouts that stream with rollouts by whole windows (needs weights)")
    .option("--recordings <folder>", "own recordings that those start from (default: the world's)")
    .option("--data <folder>", "the data set that they start from (default: the configuration's)")
    .addOption(new Option("--domain <name>", "its layout (default: the configuration's)").choices(domains))
    .option("--random-start", "start them from random pictures and actions, where no data is at hand")
    .addOption(countOption("--frames <n>", "new frames of those rollouts", 1).default(8))
    .addOption(countOption("--steps <n>", "denoising steps per frame (default: the world's)", 1))
    .addOption(new Option("--device <name>", "cpu, cuda or cuda:N").default("cpu"))
    .addOption(setOption("override settings of the configuration"))
    .option("--json", "print the result as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (given, flags) => {
      const { size, seed, deviation, frames, json } = flags;
      const probe = await networkToProbe(given, flags);
      const causality = measureCausality(probe.unet, { height: size, width: size, seed, device: probe.device });
      const parts = [{ title: probe.title, text: showCausality(causality) }];
      let deviations;
      if (deviation === true) {
        const { world, config } = probe;
        if (world === undefined)
          throw invalid("--deviation", "a world or a checkpoint, as random weights say nothing of it", given);
        const { start, from } = await startOf(given, world, config, flags, { frames, seed });
        deviations = await measureDeviation(world, start, usualVariants(world.config.unet.temporalLength), { seed });
        disposeStart(start);
        parts.push({ title: `streaming against whole windows, from ${from}`, text: showDeviation(deviations) });
      }
      if (json === true) console.log(JSON.stringify({ ...causality, ...(deviations && { deviations }) }, null, 2));
      else console.log(parts.map(({ title, text }) => `${title}\n${text}`).join("\n\n"));
    });
}
