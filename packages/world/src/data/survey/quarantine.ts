// Puts broken episodes aside, where nothing trains on them and nothing is lost, and writes down why.
import { appendFile, mkdir, rename } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Finding } from "./check-data.js";

/** Where broken episodes of a folder go: beside it, because some data sets look through every folder below their own. */
export function quarantineOf(folder: string): string {
  return `${resolve(folder)}-quarantine`;
}

/** Moves the files of every error into {@link quarantineOf} and appends a line per finding to its `log.jsonl`; returns what was moved. */
export async function quarantine(folder: string, findings: readonly Finding[]): Promise<string[]> {
  const moved: string[] = [];
  for (const { severity, parts, message } of findings) {
    const present = parts.filter((part) => existsSync(part));
    if (severity !== "error" || present.length === 0) continue;
    const aside = quarantineOf(folder);
    await mkdir(aside, { recursive: true });
    // The reason first: a file whose reason is lost cannot be judged later.
    await appendFile(
      join(aside, "log.jsonl"),
      `${JSON.stringify({ reason: message, files: present.map((part) => basename(part)) })}\n`,
    );
    for (const part of present) {
      await rename(part, freeName(join(aside, basename(part))));
      moved.push(part);
    }
  }
  return moved;
}

/** What an earlier call put aside under the same name stays: `NAME.2`, `NAME.3` ... are next to it. */
function freeName(wanted: string): string {
  let name = wanted;
  for (let n = 2; existsSync(name); n++) name = `${wanted}.${n}`;
  return name;
}
