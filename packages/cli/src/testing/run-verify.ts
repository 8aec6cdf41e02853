// For tests: `vid2world verify` in this process, and the kinds of cases that the shared folder holds.
import { openFixtureSet } from "@vid2world/world/evaluation/verification/fixture-set";
import { caseKinds, covers } from "@vid2world/world/evaluation/verification/registry";
import { fixtureFolder } from "@vid2world/world/model/testing/fixtures";
import { expect, vi } from "vitest";
import { createProgram } from "../program.js";

/** What the command printed, without colours, and the exit code that it asked for. */
export async function verify(...words: string[]): Promise<{ lines: string[]; code: number }> {
  process.exitCode = 0;
  const printed: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: unknown) => void printed.push(String(line)));
  const progress = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    const argv = ["verify", ...words];
    await (await createProgram(argv)).parseAsync(argv, { from: "user" });
  } finally {
    log.mockRestore();
    progress.mockRestore();
  }
  const lines = printed
    .join("\n")
    .replaceAll(/\x1b\[\d+m/g, "")
    .split("\n");
  return { lines, code: Number(process.exitCode) };
}

/** Kinds of the shared folder's cases. Sampling takes as long as all others together, so it has a test file, and a worker, of its own. */
export async function sharedKinds(which: "sampling" | "others"): Promise<string[]> {
  const { manifests } = await openFixtureSet(fixtureFolder);
  const kinds = new Set(manifests.map(({ kind }) => kind));
  return [...kinds].filter(
    (kind) =>
      caseKinds.some((known) => covers(known, kind)) && kind.startsWith("ddim_small") === (which === "sampling"),
  );
}

/** Verifies all shared cases of a kind. */
export async function expectPassed(kind: string): Promise<void> {
  const { lines, code } = await verify(fixtureFolder, "--kind", kind);
  expect(lines.filter((line) => line.startsWith("FAILED"))).toEqual([]);
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(lines.at(-1) ?? "") ?? [];
  expect(Number(failed)).toBe(0);
  expect(Number(passed)).toBeGreaterThan(0);
  expect(code).toBe(0);
  // All that is left out is left out for one reason.
  const skipped = lines.filter((line) => line.startsWith("skip"));
  expect(skipped.filter((line) => !line.includes("key-value cache is not exact"))).toEqual([]);
}
