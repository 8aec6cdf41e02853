// A second set of cases, recorded by the test itself with PyTorch for Python: other sizes, kernels, schedules and step counts than the shared
// ones, so that nothing rests on what happens to be in those.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { runVerification } from "./run-verification.js";

const script = join(import.meta.dirname, "testing/second-set.py");
const python = ["/usr/bin/python3", "python3"].find(
  (command) => spawnSync(command, ["-c", "import torch, numpy"], { stdio: "ignore" }).status === 0,
);

test.skipIf(python === undefined)(
  "schedules, embeddings, convolutions, transfers and metrics of other sizes pass (skipped without PyTorch for Python)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "vid2world-second-set-"));
    try {
      const made = spawnSync(python ?? "", [script, folder], { encoding: "utf8" });
      expect(made.stderr).toBe("");
      const report = await runVerification(folder);
      const failed = report.cases.filter(({ outcome }) => outcome !== "passed");
      expect(
        failed.map(({ name, reason, checks }) => ({ name, reason, checks: checks.filter((c) => !c.passed) })),
      ).toEqual([]);
      expect(new Set(report.cases.map(({ kind }) => kind)).size).toBe(4);
      expect(report.cases.flatMap(({ checks }) => checks).length).toBeGreaterThan(400);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
