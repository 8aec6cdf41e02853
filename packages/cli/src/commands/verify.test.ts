// `vid2world verify` as a user calls it: the recorded cases of the shared folder, what a wrong value gives, and the form for programs.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { changedSet } from "@vid2world/world/evaluation/verification/testing/changed-set";
import { fixtureFolder } from "@vid2world/world/model/testing/fixtures";
import { afterEach, describe, expect, test } from "vitest";
import { expectPassed, sharedKinds, verify } from "../testing/run-verify.js";

const made: string[] = [];
afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true });
  process.exitCode = 0;
});

async function copy(...stems: readonly string[]): Promise<Awaited<ReturnType<typeof changedSet>>> {
  const changed = await changedSet(...stems);
  made.push(changed.directory);
  return changed;
}

const here = existsSync(fixtureFolder);

describe.skipIf(!here)("vid2world verify (skipped without the shared fixtures)", async () => {
  // Recorded sampling runs are in verify-sampling.test.ts.
  const kinds = here ? await sharedKinds("others") : [];
  test.each(kinds)("every recorded case of %s passes", { timeout: 1_800_000 }, expectPassed);

  test("no kind of cases is missing from the shared folder", async () => {
    expect(kinds.length).toBeGreaterThanOrEqual(13);
    expect((await sharedKinds("sampling")).length).toBeGreaterThan(0);
  });

  test("a wrong value gives exit code 1 and names the case, the tensor and the error", async () => {
    const changed = await copy("resampler_small", "causal_conv");
    await changed.tensors("resampler_small.safetensors", (name, x) => (name === "image.out" ? x.add(0.125) : x));
    const { lines, code } = await verify(changed.directory);
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatch(/^\d+ passed, 1 failed$/);
    expect(lines.filter((line) => line.startsWith("FAILED"))).toEqual([
      expect.stringMatching(/^FAILED {2}resampler_small\/image +1\.3e-1 +\S+ +1\.0e-4 {2}image\.out$/),
    ]);
  });

  test("--json prints one document with every comparison, and --kind chooses", async () => {
    const changed = await copy("resampler_small", "schedule", "verification");
    const { lines, code } = await verify(changed.directory, "--kind", "resampler_small", "--json");
    const report = JSON.parse(lines.join("\n")) as {
      passed: number;
      failed: number;
      device: string;
      libtorch: string;
      cases: { name: string; outcome: string; checks: { name: string; maxAbs: number; allowed: number }[] }[];
    };
    expect(code).toBe(0);
    expect(report).toMatchObject({ passed: 2, failed: 0, device: "cpu", dtype: "float32", skipped: 0, measured: 0 });
    expect(report.libtorch).toMatch(/^\d+\.\d+/);
    expect(report.cases.map(({ name }) => name)).toEqual(["resampler_small/video4", "resampler_small/image"]);
    expect(report.cases[0]?.checks[0]).toMatchObject({ name: "video4.out", allowed: 1e-4 });
  });

  test("half precision is shown and not judged, a device that is not there and a wrong folder are refused in words", async () => {
    const changed = await copy("resampler_small");
    const half = await verify(changed.directory, "--dtype", "bfloat16");
    expect(half.code).toBe(0);
    expect(half.lines.at(-1)).toBe("0 passed, 0 failed");
    expect(half.lines.find((line) => line.startsWith("2 measured only"))).toMatch(/--strict judges/);
    expect((await verify(changed.directory, "--dtype", "bfloat16", "--strict")).code).toBe(1);
    await expect(verify(changed.directory, "--device", "tpu")).rejects.toThrow(/--device: expected "cpu", "cuda"/);
    await expect(verify("/nowhere")).rejects.toThrow(/DIR: expected a folder of recorded cases/);
  });
});
