// I3D is called as the published evaluation calls it, and a program that is not the known one is never run.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { full } from "@vid2world/torch";
import { afterAll, describe, expect, test } from "vitest";
import { loadI3d } from "./i3d.js";

const folder = mkdtempSync(join(tmpdir(), "i3d-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "i3d.pt");

/** Stands in for I3D: the same call; its features say what it was given. */
const SOURCE = `
import sys, torch
class Stand(torch.nn.Module):
    def forward(self, x, rescale: bool = False, resize: bool = False, return_features: bool = False):
        assert rescale and resize and return_features
        sizes = torch.tensor(x.shape[2:], dtype=x.dtype).expand(x.shape[0], 3)
        return torch.cat([x.mean([1, 2, 3, 4]).unsqueeze(1), sizes, torch.zeros(x.shape[0], 396)], 1)
torch.jit.script(Stand()).save(sys.argv[1])
`;

function write(): boolean {
  const source = join(folder, "stand.py");
  writeFileSync(source, SOURCE);
  try {
    execFileSync("/usr/bin/python3", [source, file], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!write())("I3D (skipped without PyTorch for Python)", () => {
  const sha256 = (): string => createHash("sha256").update(readFileSync(file)).digest("hex");

  test("gets clips of 224 x 224 pixels, 0..1 as published or 0..255", async () => {
    using clips = full([2, 9, 3, 8, 6], 0.5);
    using published = await loadI3d(file, { sha256: sha256() });
    using bytes = await loadI3d(file, { sha256: sha256(), range: "bytes" });
    using features_BD = published.features(clips);
    using other_BD = bytes.features(clips);
    expect(features_BD.shape).toEqual([2, published.width]);
    expect([...(features_BD.toTypedArray() as Float32Array)].slice(0, 4)).toEqual([0.75, 9, 224, 224]);
    expect((other_BD.toTypedArray() as Float32Array)[0]).toBeCloseTo(0.75 * 255, 3);
    expect(() => published.features(clips.narrow(1, 0, 8))).toThrow(/at least 9 frames/);
  });

  test("of another checksum is not run", async () => {
    await expect(loadI3d(file, { sha256: "0".repeat(64) })).rejects.toThrow(/only the known one is run/);
  });
});
