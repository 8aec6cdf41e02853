// Puts the runs of the ablation study together: a JSON file with every run, a table in Markdown on the standard output, and a plot.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/collect-ablation.js [--runs runs/doom-ablation] [--results FILE] [--plot FILE]
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomically } from "@vid2world/formats";
import { libtorchVersion } from "@vid2world/torch";
import { plotRuns } from "./ablation-plot.js";
import { byVariant, cpuMinutes, markdownTable, readRuns } from "./ablation-study.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "runs/doom-ablation" },
    results: { type: "string", default: "benchmarks/results/ablation-doom.json" },
    plot: { type: "string", default: "docs/ablation.svg" },
  },
});
const { runs, protocol } = await readRuns(values.runs);
if (runs.length === 0) throw new Error(`${values.runs}: no evaluated run; run scripts/ablation-doom.mjs first`);
const variants = await byVariant(values.runs, runs);

const result = {
  what: "ablation study on the bundled gameplay at half size: kind of weight transfer, action guidance, no base model",
  begun: JSON.parse(await readFile(join(values.runs, "origin.json"), "utf8")) as object,
  machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length, threads: 1 },
  libtorch: libtorchVersion,
  cpuMinutes: {
    autoencoder: await cpuMinutes(values.runs, "autoencoder"),
    base: await cpuMinutes(values.runs, "base"),
  },
  protocol,
  variants,
  runs,
};
await writeFileAtomically(values.results, `${JSON.stringify(result, undefined, 2)}\n`);
await writeFileAtomically(values.plot, await plotRuns(runs, variants));
console.log(markdownTable(variants));
