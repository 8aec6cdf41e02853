// `vid2world export`: weights for others to read.
import { Command, Option } from "@commander-js/extra-typings";
import { exportWeights } from "@vid2world/world/checkpoints/export-weights";
import { createProgress, type Progress } from "../progress.js";

const EXAMPLES = `
Examples:
  vid2world export runs/rt1/world --format lightning --out rt1.ckpt       for the published Python code
  vid2world export model.ckpt --format safetensors --out model.safetensors --dtype bfloat16
  vid2world export doom --format safetensors --out doom.safetensors
"lightning" keeps the published code's names (model.diffusion_model.*, first_stage_model.*, ...) and its schedule's tables: torch.load
reads it. "safetensors" has our names (unet.*, autoencoder.*, ...) and the networks' options in its metadata. See docs/checkpoints.md.`;

/** Builds the command. */
export function exportCommand() {
  return new Command("export")
    .description("Write a world or a checkpoint as safetensors, or as a checkpoint that the published code loads.")
    .argument("<weights>", "a world by folder or name, the folder of a run, or a checkpoint's file")
    .addOption(
      new Option("--format <format>", "form of the file")
        .choices(["safetensors", "lightning"] as const)
        .makeOptionMandatory(),
    )
    .requiredOption("--out <file>", "where it goes; written whole or not at all")
    .addOption(
      new Option("--dtype <type>", "type of the weights (default: as they are)").choices([
        "float32",
        "float16",
        "bfloat16",
      ] as const),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (source, { format, out, dtype }) => {
      let progress: Progress | undefined;
      const result = await exportWeights(source, {
        ...{ format, out },
        ...(dtype && { dtype }),
        onProgress: (done, total) => {
          progress ??= createProgress({ label: "exporting", total, unit: "tensors" });
          progress.update(done);
        },
      });
      progress?.finish();
      const left = result.leftOut > 0 ? `; ${result.leftOut} tensors of no network left out` : "";
      console.log(`${out}: ${result.tensors} tensors of ${result.parts.join(", ")}${left}`);
      for (const note of result.notes) console.log(`note: ${note}`);
    });
}
