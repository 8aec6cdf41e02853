// `vid2world inspect`: what a file of weights is, without loading it.
import { Command } from "@commander-js/extra-typings";
import { inspectCheckpoint } from "@vid2world/world/checkpoints/inspect";
import { showCheckpoint } from "../show-checkpoint.js";

const EXAMPLES = `
Examples:
  vid2world inspect model.ckpt                 which model, which variant, at which step, what is missing or foreign
  vid2world inspect model.ckpt --keys          and every tensor with type and shape
  vid2world inspect model.ckpt --check         and whether the data agree with their checksums
  vid2world inspect worlds/doom --json         a world's folder, for programs
Reads PyTorch checkpoints of every age (also Lightning's and DeepSpeed's), safetensors and worlds. Nothing in a file is ever run.
Files that are damaged, hostile or no checkpoints end with an error. See docs/checkpoints.md.`;

/** Builds the command. */
export function inspectCommand() {
  return new Command("inspect")
    .description("Tell what a checkpoint is: model, variant, step, precision, missing and foreign keys, shapes.")
    .argument("<file>", "a checkpoint's file, or a world by folder or name")
    .option("--json", "print the whole report as JSON")
    .option("--keys", "list every tensor")
    .option("--check", "read every tensor once and verify checksums (small files always)")
    .addHelpText("after", EXAMPLES)
    .action(async (file, { json, keys = false, check }) => {
      const report = await inspectCheckpoint(file, { keys, ...(check === true && { check }) });
      console.log(json === true ? JSON.stringify(report, null, 2) : showCheckpoint(report));
    });
}
