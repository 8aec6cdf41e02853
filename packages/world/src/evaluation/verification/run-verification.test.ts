// The verification itself: it must fail where it should, say why, and survive every set that the format allows.
import { rm } from "node:fs/promises";
import { liveTensors } from "@vid2world/torch";
import { afterEach, describe, expect, test } from "vitest";

import {
  countOutcome,
  runVerification,
  type CaseResult,
  type VerificationOptions,
  type VerificationReport,
} from "./run-verification.js";
import { changedSet, hasRecordedSet, type ChangedSet } from "./testing/changed-set.js";

/** Forward and backward passes, on machines that do other things as well. */
const SLOW = { timeout: 600_000 };

const made: string[] = [];
afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true });
});

async function set(...stems: readonly string[]): Promise<ChangedSet> {
  const changed = await changedSet(...stems);
  made.push(changed.directory);
  return changed;
}

const run = ({ directory }: ChangedSet, options: VerificationOptions = {}): Promise<VerificationReport> =>
  runVerification(directory, options);

const failures = ({ cases }: VerificationReport): string[] =>
  cases.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);

function only(report: VerificationReport, name: string): CaseResult {
  const found = report.cases.find((result) => result.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

describe.skipIf(!hasRecordedSet)("on changed copies of the shared set (skipped without it)", () => {
  test("an untouched set passes, and leaves no tensors behind", async () => {
    const sound = await set("timestep_embedding", "causal_conv", "resampler_small", "metrics");
    await run(sound);
    const before = liveTensors();
    const report = await run(sound);
    expect(failures(report)).toEqual([]);
    expect(countOutcome(report, "passed")).toBeGreaterThan(20);
    expect(liveTensors()).toBe(before);
  });

  test("one changed value fails its case, and the check names the tensor and the size of the error", async () => {
    const changed = await set("timestep_embedding");
    await changed.tensors("timestep_embedding.safetensors", (name, x) => (name === "emb2_33" ? x.add(0.01) : x));
    const report = await run(changed);
    expect(failures(report)).toEqual(["timestep_embedding/emb2_33"]);
    const [check] = only(report, "timestep_embedding/emb2_33").checks;
    expect(check).toMatchObject({ name: "emb2_33", passed: false, allowed: 2e-4 });
    expect(check?.maxAbs).toBeCloseTo(0.01, 3);
  });

  test("a NaN among the recorded values, or another shape, fails too", async () => {
    const changed = await set("causal_conv");
    await changed.tensors("causal_conv.safetensors", (name, x) =>
      name === "c2.y" ? x.mul(NaN) : name === "c3.y" ? x.narrow(2, 0, 2).contiguous() : x,
    );
    const report = await run(changed);
    expect(failures(report)).toEqual(["causal_conv/c2", "causal_conv/c3"]);
    expect(only(report, "causal_conv/c3").checks[0]?.note).toMatch(/shape .*recorded is/);
  });

  test("a changed number inside a schedule fails, by its place in the manifest", async () => {
    const changed = await set("schedule");
    await changed.manifest("schedule.json", (content) => {
      const entry = (content as { zero_snr: { ddim: Record<string, { sigmas: number[] }> } }).zero_snr.ddim;
      (entry["uniform_16_eta1"]?.sigmas ?? [])[3] = 0.5;
      return content;
    });
    const report = await run(changed);
    expect(failures(report)).toEqual(["schedule/zero_snr sampling steps"]);
    const failed = only(report, "schedule/zero_snr sampling steps").checks.filter(({ passed }) => !passed);
    expect(failed.map(({ name }) => name)).toEqual(["zero_snr.ddim.uniform_16_eta1.sigmas"]);
  });

  test("a wrong gradient norm fails although the loss is right", SLOW, async () => {
    const changed = await set("train_loss", "unet_small");
    await changed.manifest("train_loss.json", (content) => {
      const norms = (content as { grad_norms: Record<string, Record<string, number>> }).grad_norms;
      (norms["B"] ?? {})["time_embed.0.weight"] = 0.5;
      return content;
    });
    const report = await run(changed, { kind: "train_loss" });
    expect(failures(report)).toEqual(["train_loss/loss and gradients B"]);
    const failed = only(report, "train_loss/loss and gradients B").checks.filter(({ passed }) => !passed);
    expect(failed.map(({ name }) => name)).toEqual(["grad_norms.B.time_embed.0.weight"]);
  });

  test("gradients recorded as they are, and one of them changed, are told apart", SLOW, async () => {
    const changed = await set("train_loss", "unet_small");
    await changed.tensors("train_loss.safetensors", (name, x) =>
      name === "out.B.grad.time_embed.0.bias" || name === "out.BT.grad.time_embed.0.bias" ? x.mul(1.2) : x,
    );
    const report = await run(changed, { kind: "train_loss" });
    // Those of BT in this set are what the second optimiser step left: compared with it, and found changed there.
    expect(failures(report)).toEqual(["train_loss/loss and gradients B", "train_loss/AdamW steps"]);
    const failed = report.cases.flatMap(({ checks }) => checks).filter(({ passed }) => !passed);
    expect(failed.map(({ name }) => name)).toEqual(["out.B.grad.time_embed.0.bias", "out.BT.grad.time_embed.0.bias"]);
    expect(failed[1]?.note).toBe("recorded: gradients of step 2 after clipping");
  });

  test("another name of the file, and parameters other than the published ones, are followed", async () => {
    const changed = await set("schedule", "resampler_small");
    await changed.manifest("schedule.json", (content) => content, "schedule2.json");
    await changed.manifest("resampler_small.json", (content) => content, "mine.json");
    expect(failures(await run(changed))).toEqual([]);
    await changed.manifest("schedule2.json", (content) => ({ ...content, linear_end: 0.013 }));
    expect(failures(await run(changed)).length).toBeGreaterThanOrEqual(4);
  });

  test("what depends on a kind that is not there is skipped with the reason", async () => {
    const report = await run(await set("train_loss", "ddim_small", "ddim_small2", "e2e_small"));
    expect(report.cases.map(({ outcome }) => outcome)).toEqual(["skipped", "skipped", "skipped", "skipped"]);
    expect(only(report, "train_loss/all").reason).toMatch(/needs unet_small/);
  });

  test("broken files and manifests fail with a sentence, and the rest goes on", async () => {
    const changed = await set("timestep_embedding", "causal_conv", "resampler_small", "vae_small", "metrics");
    await changed.bytes("causal_conv.safetensors", (content) => content.subarray(0, 5000));
    await changed.manifest("timestep_embedding.json", () => '{"name": "timestep_embedding",');
    await changed.manifest("vae_small.json", ({ io, ...content }) => (void io, content));
    await changed.tensors("metrics.safetensors", (name, x) => (name === "frechet.d64.a" ? undefined : x));
    const report = await run(changed);
    const reasons = Object.fromEntries(
      report.cases.filter(({ outcome }) => outcome === "failed").map(({ name, reason }) => [name, reason]),
    );
    expect(Object.keys(reasons).sort()).toEqual([
      "causal_conv/manifest",
      "metrics/frechet d64",
      "timestep_embedding/manifest",
      "vae_small/manifest",
    ]);
    expect(reasons["causal_conv/manifest"]).toMatch(/causal_conv\.safetensors.*truncated/);
    expect(reasons["timestep_embedding/manifest"]).toMatch(/timestep_embedding\.json: is not JSON/);
    expect(reasons["vae_small/manifest"]).toMatch(/vae_small\.json: io: missing/);
    expect(reasons["metrics/frechet d64"]).toMatch(/metrics\.safetensors: there is no tensor frechet\.d64\.a/);
    expect(only(report, "resampler_small/image").outcome).toBe("passed");
  });

  test("a U-Net of a form that is not implemented is refused by name, not computed as another", async () => {
    const changed = await set("unet_small");
    await changed.manifest("unet_small.json", (content) => ({
      ...content,
      config: { ...(content["config"] as object), use_relative_position: true },
    }));
    const report = await run(changed);
    expect(report.cases).toHaveLength(1);
    expect(report.cases[0]?.reason).toMatch(/config\.use_relative_position: expected .*false/);
  });

  test("half precision is measured and not judged, unless strictness is asked for; what it does not touch is judged", async () => {
    const half = await set("resampler_small", "timestep_embedding");
    const lenient = await run(half, { dtype: "bfloat16" });
    expect(only(lenient, "resampler_small/image").outcome).toBe("measured");
    expect(only(lenient, "resampler_small/image").checks[0]?.maxAbs).toBeGreaterThan(1e-4);
    expect(only(lenient, "timestep_embedding/emb1_32").outcome).toBe("passed");
    expect(only(await run(half, { dtype: "bfloat16", strict: true }), "resampler_small/image").outcome).toBe("failed");
    expect(failures(await run(half, { dtype: "float64" }))).toEqual([]);
  });

  test("a kind that is not there, and a folder without cases, are refused in words", async () => {
    const one = await set("resampler_small", "verification");
    await expect(run(one, { kind: "unet" })).rejects.toThrow(/--kind: .*there: resampler_small, verification/);
    await expect(runVerification("/nowhere")).rejects.toThrow(/DIR: expected a folder of recorded cases/);
    await expect(run(await set("verification"))).rejects.toThrow(/DIR: .*kinds in/);
    expect((await run(one)).ignored).toEqual([`${one.directory}/verification.json`]);
  });
});
