// Writes a benchmark's result beside the earlier ones, and prints it.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeAtomically } from "@vid2world/formats";
import { describeCircumstances, type Circumstances } from "./circumstances.js";
import { repositoryRoot } from "./repository.js";

/** How a result is shown: as JSON, and in which file it is kept. */
export interface ReportOptions {
  readonly json?: true | undefined;
  /** Default: `benchmarks/results/NAME.json`. */
  readonly out?: string | undefined;
}

/** The file of a benchmark's result. */
export function resultFile(name: string, out: string | undefined): string {
  return out ?? path.join(repositoryRoot(), "benchmarks/results", `${name}.json`);
}

/** Writes the result and prints it; `text` is what people read. */
export async function report(
  name: string,
  result: Circumstances,
  text: string,
  { json, out }: ReportOptions,
): Promise<void> {
  const file = resultFile(name, out);
  const content = `${compactJson(result)}\n`;
  await mkdir(path.dirname(file), { recursive: true });
  await writeAtomically(file, async (handle) => void (await handle.writeFile(content)));
  console.log(json === true ? content.trimEnd() : `${text}\n\n${describeCircumstances(result)}\nwritten to ${file}`);
}

/** JSON whose innermost lists and objects have a line each: a measurement is read as a row, and a long series stays a page. */
export function compactJson(value: unknown): string {
  const innermost = /[[{]\n[^[\]{}]*\n *[\]}]/g;
  // A newline within a string is escaped, so that only white space between values changes.
  return JSON.stringify(value, null, 2).replaceAll(innermost, (text) => text.replaceAll(/\n */g, " "));
}

/** After the result was shown and kept, so that one can see what is wrong. */
export function fail(wrong: boolean, message: string): void {
  if (!wrong) return;
  process.stderr.write(`error: ${message}\n`);
  process.exitCode = 1;
}
