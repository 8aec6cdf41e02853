// What a protocol has to do: which clips, under which actions, into which files, with which noise; and who does it.
import { invalid } from "@vid2world/formats";
import type { ClipStart, DomainName } from "../../data/domain-clip.js";
import type { ActionVariant } from "./action-control.js";
import { layoutOf } from "./protocol-table.js";

/** One rollout. */
export interface Job {
  /** Name of its folder or files. */
  readonly name: string;
  readonly start: ClipStart;
  /** Seed of its noise. */
  readonly seed: number;
  /** The action it is driven by in `action-control`. */
  readonly variant?: ActionVariant;
}

/** Jobs that one process does one after the other, and the part of them that is sampled as one batch. */
export interface Unit {
  /** What all jobs of the unit belong to: the start's name. */
  readonly name: string;
  readonly batches: readonly (readonly Job[])[];
}

/** What {@link planJobs} is told. */
export interface PlanOptions {
  readonly domain: DomainName;
  readonly contextFrames: number;
  /** Frames that a clip must have. */
  readonly clipFrames: number;
  /** Starts in all; absent: every one. */
  readonly starts?: number;
  readonly seed: number;
  readonly batch: number;
  /** Each start under each of these; absent: under its own actions. */
  readonly variants?: readonly ActionVariant[];
}

/** A plan, the same in every process. */
export interface Plan {
  readonly units: readonly Unit[];
  /** Names of the clips that are too short for the protocol. */
  readonly tooShort: readonly string[];
}

/**
 * Makes the jobs of a list of starts. Start number n of the list draws its noise with `seed + n`, so that neither the batch nor the number
 * of processes changes a result; all variants of a start draw the same, so that they differ by their actions alone.
 */
export function planJobs(list: readonly ClipStart[], options: PlanOptions): Plan {
  const { clipFrames, starts: count, seed, batch, variants } = options;
  if (!Number.isInteger(batch) || batch < 1) throw invalid("batch", "a whole number >= 1", batch);
  if (!Number.isInteger(seed) || seed < 0 || seed + list.length >= 2 ** 32)
    throw invalid("seed", "a whole number from 0 to below 2^32, room for one seed per start included", seed);
  const fits = ({ available = Infinity }: ClipStart): boolean => available >= clipFrames;
  const tooShort = [...new Set(list.filter((start) => !fits(start)).map(({ name }) => name))];
  const chosen = list.filter(fits).slice(0, count);
  if (chosen.length === 0)
    throw invalid("starts", `at least one clip of ${clipFrames} frames`, `${list.length} clips, all of them shorter`);
  const nameOf = startNames(list, options);
  const jobs = chosen.map((start, index): Job => ({ name: nameOf(start), start, seed: seed + index }));
  if (!variants) return { units: chunks(jobs, batch).map((part) => unitOf(part[0]?.name ?? "", [part])), tooShort };
  const units = jobs.map((job) => {
    const driven = variants.map((variant): Job => ({ ...job, name: `${job.name}_${variant.label}`, variant }));
    return unitOf(job.name, chunks(driven, batch));
  });
  return { units, tooShort };
}

const unitOf = (name: string, batches: readonly (readonly Job[])[]): Unit => ({ name, batches });

/** The units of process `rank` of `worldSize`: every worldSize-th, so that batches are made up alike whoever does them. */
export function shareOf<T>(units: readonly T[], rank: number, worldSize: number): T[] {
  if (!Number.isInteger(worldSize) || worldSize < 1) throw invalid("worldSize", "a whole number >= 1", worldSize);
  if (!Number.isInteger(rank) || rank < 0 || rank >= worldSize)
    throw invalid("rank", `a whole number from 0 to ${worldSize - 1}`, rank);
  return units.filter((_, index) => index % worldSize === rank);
}

/**
 * Names as published: the episode's, with `_tNNNN` (the newest known frame) behind it for RECON; where an episode has several starts, the
 * first frame's number follows.
 */
function startNames(
  list: readonly ClipStart[],
  { domain, contextFrames }: Pick<PlanOptions, "domain" | "contextFrames">,
): (start: ClipStart) => string {
  const counts = new Map<string, number>();
  for (const { name } of list) counts.set(name, (counts.get(name) ?? 0) + 1);
  return ({ name, start }) => {
    const safe = name.replace(/[^a-zA-Z0-9_.-]/g, "_");
    if (layoutOf(domain) === "flat") return `${safe}_t${String(start + contextFrames - 1).padStart(4, "0")}`;
    return (counts.get(name) ?? 0) > 1 ? `${safe}_${String(start).padStart(5, "0")}` : safe;
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
