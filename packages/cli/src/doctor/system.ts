// What of the machine vid2world depends on: Node, the tools for building, ffmpeg, processor and memory.
import { execFile } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { promisify } from "node:util";

import type { Finding } from "./finding.js";

const run = promisify(execFile);

/** Looks at everything but libtorch. */
export async function systemFindings(): Promise<Finding[]> {
  const tools = await Promise.all([
    tool(
      "compiler",
      ["g++", "clang++"],
      ["-dumpfullversion", "-dumpversion"],
      "needed to build the addon: apt-get install g++",
    ),
    tool("cmake", ["cmake"], ["--version"], "needed to build the addon: apt-get install cmake"),
    tool("ffmpeg", ["ffmpeg"], ["-version"], "needed to read and write videos: apt-get install ffmpeg"),
  ]);
  return [node(), ...tools, processor(), memory()];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const enough = major > 20 || (major === 20 && minor >= 15);
  const found = { name: "Node.js", value: process.versions.node };
  return enough
    ? { ...found, state: "ok" }
    : { ...found, state: "missing", hint: "20.15 or newer is needed: https://nodejs.org" };
}

/** The first of `commands` that runs, with the first version number that it prints. */
async function tool(
  name: string,
  commands: readonly string[],
  args: readonly string[],
  hint: string,
): Promise<Finding> {
  for (const command of commands) {
    try {
      const { stdout } = await run(command, args, { timeout: 20_000 });
      const version = /\d+(\.\d+)+|\d+/.exec(stdout)?.[0] ?? "version unknown";
      return { name, value: `${command} ${version}`, state: "ok" };
    } catch {
      // not there, or broken: the next one may do
    }
  }
  return { name, value: "not found", state: "missing", hint };
}

function processor(): Finding {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return { name: "processor", value: `${availableParallelism()} x ${model}`, state: "ok" };
}

function memory(): Finding {
  return { name: "memory", value: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`, state: "ok" };
}
