// `bench memory`: whether memory stays flat over many sampling and training steps of the debug model.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadRequest, openCase, prepareRequest } from "./cases.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { startOurs } from "./peer.js";
import type { CurveRequest, MemoryPoint } from "./protocol.js";
import { textTable } from "@vid2world/formats/text-table";

/** Memory over one kind of steps. */
export interface MemoryCurve {
  readonly what: CurveRequest["what"];
  readonly steps: number;
  /** Looks up to this step are warm-up: caches fill, V8's heap finds its size. */
  readonly warmUp: number;
  /** The same number of live tensors, and of bytes in them, at every look after the warm-up. */
  readonly tensorsEqual: boolean;
  /** Largest resident size after the warm-up as a part of the first one after it, minus 1. */
  readonly growth: number;
  readonly flat: boolean;
  readonly points: readonly MemoryPoint[];
}

/** What `bench memory` found. */
export interface MemoryResult extends Circumstances {
  readonly benchmark: "memory";
  readonly curves: readonly MemoryCurve[];
}

const ALLOWED_GROWTH = 0.02;
/**
 * V8 doubles its space for young objects (to 16 MB and a copy) at some scavenge in the first hundreds of steps, which looks like a leak of
 * 16 MB when it comes after the warm-up. Here the space has that size from the beginning, so it is in every look.
 */
const FULL_YOUNG_SPACE = ["--min-semi-space-size=16", "--max-semi-space-size=16"];
const LOOKS = 40;
/** Share of the looks that are warm-up. */
const WARM_UP = 0.25;

/** Runs the benchmark; each kind of steps in a fresh process. */
export async function runMemory(options: {
  readonly samplingSteps: number;
  readonly trainingSteps: number;
  readonly threads: number;
}): Promise<MemoryResult> {
  const { samplingSteps, trainingSteps, threads } = options;
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
  try {
    const files = {
      weights: path.join(folder, "weights.safetensors"),
      inputs: path.join(folder, "inputs.safetensors"),
    };
    const opened = await openCase("debug");
    let libtorch = "";
    {
      // In a process of its own: the garbage collector frees the network that is made for it at a time of its choice.
      await using maker = startOurs(threads);
      await maker.ask(prepareRequest(opened, files));
    }
    const curves: MemoryCurve[] = [];
    for (const [what, steps] of [
      ["sampling", samplingSteps],
      ["training", trainingSteps],
    ] as const) {
      await using ours = startOurs(threads, FULL_YOUNG_SPACE);
      libtorch = (await ours.ask({ request: "hello", threads })).torch;
      await ours.ask(loadRequest(opened, files, { threads, layout: opened.run.model.memoryFormat }));
      // Sampling looks after whole frames, that is every ten steps.
      const every =
        what === "sampling"
          ? Math.max(10, Math.round(steps / LOOKS / 10) * 10)
          : Math.max(1, Math.round(steps / LOOKS));
      const { points } = await ours.ask({ request: "curve", what, steps, every });
      curves.push({ what, steps, ...judge(points) });
    }
    return { benchmark: "memory", ...circumstances(threads, { libtorch }), curves };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Judges a curve by its looks after the warm-up. */
export function judge(points: readonly MemoryPoint[]): Omit<MemoryCurve, "what" | "steps"> {
  const skipped = Math.floor(points.length * WARM_UP);
  const later = points.slice(skipped);
  const first = later[0];
  const same = (of: (point: MemoryPoint) => number): boolean =>
    later.every((point) => of(point) === of(first as MemoryPoint));
  const tensorsEqual = same(({ liveTensors }) => liveTensors) && same(({ liveBytes }) => liveBytes);
  const growth = Math.max(...later.map(({ residentKiB }) => residentKiB)) / (first?.residentKiB ?? NaN) - 1;
  const warmUp = points[skipped - 1]?.step ?? 0;
  return { warmUp, tensorsEqual, growth, flat: tensorsEqual && growth <= ALLOWED_GROWTH, points };
}

/** The result for the terminal: a few points of each curve, and the verdict. */
export function showMemory({ curves }: MemoryResult): string {
  return curves
    .map(({ what, steps, warmUp, tensorsEqual, growth, flat, points }) => {
      const shown = points.filter((_, i) => i % Math.ceil(points.length / 8) === 0 || i === points.length - 1);
      const rows = shown.map(({ step, liveTensors, liveBytes, residentKiB }) =>
        [step, liveTensors, (liveBytes / 2 ** 20).toFixed(2), (residentKiB / 1024).toFixed(1)].map(String),
      );
      const verdict = `${flat ? "flat" : "NOT FLAT"}: live tensors ${tensorsEqual ? "equal" : "NOT equal"}, resident size ${(100 * growth).toFixed(1)} % above that after ${warmUp} steps`;
      const heading = [`${what} steps of ${steps}`, "live tensors", "in them MiB", "resident MiB"];
      return `${textTable([heading, ...rows])}\n${verdict}`;
    })
    .join("\n\n");
}
