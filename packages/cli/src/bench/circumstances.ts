// On what and when a benchmark ran: part of every result.
import { execFileSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { repositoryRoot } from "./repository.js";

/** Machine, versions and moment of a benchmark. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  readonly threads: number;
  /** Load average over one minute, at the end: above `cores` something else ran too. */
  readonly load: number;
  readonly node: string;
  readonly libtorch: string;
  /** Version of the PyTorch for Python that was compared with. */
  readonly pytorch?: string;
}

/** Everything about now and here; versions of libraries are the sides' to tell. */
export function circumstances(
  threads: number,
  versions: { readonly libtorch: string; readonly pytorch?: string },
): Circumstances {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    threads,
    load: Math.round((loadavg()[0] ?? NaN) * 100) / 100,
    node: process.versions.node,
    ...versions,
  };
}

/** The commit, with "+" behind it if files were changed since. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: repositoryRoot(), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}

/** One line for the terminal. */
export function describeCircumstances(where: Circumstances): string {
  const { processor, cores, threads, load, node, libtorch, pytorch, commit: at } = where;
  const versions = [`Node ${node}`, `libtorch ${libtorch}`, ...(pytorch === undefined ? [] : [`PyTorch ${pytorch}`])];
  return `${cores} x ${processor}, ${threads} threads, load ${load}; ${versions.join(", ")}; commit ${at}`;
}
