// Our network against an equal plain PyTorch model in Python, with the same weights and inputs: values, every gradient, and the
// weights after one AdamW step; in eval mode, in train mode, and with dropout whose masks both sides draw from one seed.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openCase, prepareRequest } from "@vid2world/cli/bench/cases";
import { CHECKS, compareSides } from "@vid2world/cli/bench/equality";
import { startOurs } from "@vid2world/cli/bench/peer";
import { findPyTorch, startPyTorch } from "@vid2world/cli/bench/python";

const found = await findPyTorch();
const why = "missing" in found ? "no PyTorch for Python: apt-get install python3-torch" : found.version;

test.skipIf("missing" in found).each(["debug", "doom"] as const)(
  `the %s configuration computes what the PyTorch model computes (${why})`,
  async (name) => {
    const folder = await mkdtemp(path.join(tmpdir(), "pytorch-model-"));
    const files = {
      weights: path.join(folder, "weights.safetensors"),
      inputs: path.join(folder, "inputs.safetensors"),
    };
    await using ours = startOurs(1);
    await using theirs = startPyTorch(1);
    try {
      // Float64 says nothing at the larger size that it does not say at the smaller one.
      const wanted = CHECKS.filter(({ dtype }) => name === "debug" || dtype === "float32");
      const opened = await openCase(name, 1);
      await ours.ask(prepareRequest(opened, files));
      const checks = await compareSides({ ours, theirs }, opened, files, 1, wanted);
      expect(checks).toHaveLength(wanted.length);
      for (const { mode, dtype, dropout, unequal, differences } of checks) {
        expect(unequal, `${mode} ${dtype} dropout ${dropout}: ${JSON.stringify(differences)}`).toEqual([]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
