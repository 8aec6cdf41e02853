// `vid2world data encode`: frames to latents and image tokens once, so that training reads them instead of encoding in every step.
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { loadConfig } from "@vid2world/world/config/load";
import { trainingConfigSchema } from "@vid2world/world/training/config";
import { encodeRecordings } from "@vid2world/world/training/encode-run";
import { createProgress } from "../../progress.js";
import { setOption } from "../set-option.js";
import { wholeNumber } from "../whole-number.js";
import { withStopSignal } from "./stop-signal.js";

const EXAMPLES = `
Examples:
  vid2world data encode configs/doom/base.yaml                      into the configuration's latents.cache
  vid2world data encode configs/manipulation/rt1.yaml --out data/rt1-latents --variants 4
  vid2world data encode my.yaml --out latents --part 2/8            one of eight processes that share the work
  vid2world train configs/manipulation/rt1.yaml --set latents.cache=data/rt1-latents
Start it again after an interruption: finished files are kept. docs/data.md says what is stored.`;

/** Builds the command. */
export function encodeCommand() {
  return new Command("encode")
    .description("Encode the frames of a training configuration to latents and image tokens, once for all its runs.")
    .argument("<config>", "YAML file of a base or world model")
    .option("--out <folder>", "where the latents go (default: the configuration's latents.cache)")
    .addOption(
      new Option(
        "--variants <k>",
        "differently augmented copies of each recording (default: the configuration's)",
      ).argParser(wholeNumber("--variants", 1)),
    )
    .addOption(setOption("override settings of the configuration, for instance training.device=cuda"))
    .addOption(new Option("--part <i/n>", "encode every n-th file only, beginning with the i-th").argParser(parsePart))
    .addOption(
      new Option("--shard-size <MB>", "about the size of a file")
        .default(1024)
        .argParser(wholeNumber("--shard-size", 1)),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (file, { out, variants, set = [], part, shardSize }) => {
      const overrides = variants === undefined ? set : [...set, `latents.variants=${variants}`];
      const config = await loadConfig(file, trainingConfigSchema, { overrides });
      let progress: ReturnType<typeof createProgress> | undefined;
      let label: string | undefined;
      const { folder, frames } = await withStopSignal("finished files are kept; start again to go on", (signal) =>
        encodeRecordings(config, {
          ...{ folder: out, part, signal, shardBytes: shardSize * 2 ** 20 },
          onEvent(event) {
            if (event.type === "warning") process.stderr.write(`\nwarning: ${event.message}\n`);
            if (event.type !== "prepare") return;
            if (event.what !== label) {
              progress?.finish();
              progress = createProgress({ label: (label = event.what), total: event.total, unit: "frames" });
            }
            progress?.update(event.done);
          },
        }),
      );
      progress?.finish();
      console.log(
        `${folder}: ${frames} frames${part ? `, of which this was part ${part.index + 1} of ${part.of}` : ""}`,
      );
    });
}

function parsePart(text: string): { readonly index: number; readonly of: number } {
  const [, index = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index >= 1 && index <= of) return { index: index - 1, of };
  throw new InvalidArgumentError("--part takes a number and how many there are, for instance 2/8.");
}
