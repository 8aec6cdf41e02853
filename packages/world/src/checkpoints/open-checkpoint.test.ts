// Every recorded checkpoint file: the good ones bit for bit, the bad ones with a clear error, and nothing in any of them run.
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { saveSafetensors, zeros } from "@vid2world/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { fixtureFolder, hasFixture, manifest } from "../model/testing/fixtures.js";
import { inspectCheckpoint } from "./inspect.js";
import { openCheckpoint } from "./open-checkpoint.js";

interface Recorded {
  readonly expected?: string;
  readonly malicious?: boolean;
  readonly corrupt?: string;
  readonly tensors_under?: string | null;
  readonly scalars?: { readonly epoch: number; readonly global_step: number };
}

const MARKER = "/tmp/PWNED_BY_PICKLE";
const here = hasFixture("ckpt/ckpt.json");
const files = here ? Object.entries(manifest<{ files: Record<string, Recorded> }>("ckpt/ckpt.json").files) : [];
const at = (file: string): string => join(fixtureFolder, "ckpt", file);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function contentOf(file: string): Promise<Map<string, string>> {
  await using checkpoint = await openCheckpoint(file);
  const content = new Map<string, string>();
  for (const [key, { dtype, shape }] of checkpoint.tensors) {
    content.set(key, `${dtype} ${shape.join()} ${Buffer.from(await checkpoint.read(key)).toString("base64")}`);
  }
  return content;
}

describe.skipIf(!here)("recorded files (skipped without the shared fixtures)", () => {
  test.each(files.filter(([, { expected }]) => expected !== undefined))(
    "%s holds exactly what it should",
    async (name, { expected = "" }) => {
      const [found, wanted] = [await contentOf(at(name)), await contentOf(at(expected))];
      expect(new Map([...found].sort())).toEqual(new Map([...wanted].sort()));
      await inspectCheckpoint(at(name));
    },
  );

  test.each(files.filter(([, { malicious, corrupt }]) => malicious === true || corrupt !== undefined))(
    "%s is refused in a sentence that names it",
    async (name) => {
      const refusal = inspectCheckpoint(at(name));
      await expect(refusal).rejects.toThrow(FormatError);
      await expect(refusal).rejects.toThrow(name);
      expect(existsSync(MARKER)).toBe(false);
    },
  );

  test("a function that runs code is named, and was not called", async () => {
    await expect(inspectCheckpoint(at("evil_os_system.ckpt"))).rejects.toThrow(/names posix\.system.*nothing was run/);
  });

  test("every file of the folder is recorded or expected", () => {
    expect(readdirSync(join(fixtureFolder, "ckpt")).length).toBeGreaterThan(25);
  });

  test("Lightning's facts are read: step, epoch, version, optimiser", async () => {
    const { facts, layout } = await inspectCheckpoint(at("pl_zip.ckpt"));
    expect(layout).toBe("lightning");
    expect(facts).toMatchObject({ step: 12345, epoch: 3, lightning: "1.9.3", optimizer: true });
    expect(facts.foreignClasses).toContain("omegaconf.dictconfig.DictConfig");
  });

  test("DeepSpeed's prefix is cut off", async () => {
    const { layout, foreign } = await inspectCheckpoint(at("deepspeed.pt"));
    expect(layout).toBe("deepspeed");
    expect(foreign.some((key) => key.startsWith("_forward_module."))).toBe(false);
  });
});

test("prefixes of wrapped models are cut off where every key has them", async () => {
  const file = join(folder, "wrapped.safetensors");
  await saveSafetensors(file, new Map([["module.a", zeros([1])], ["module.b", zeros([2])]])); // prettier-ignore
  await using wrapped = await openCheckpoint(file);
  expect([...wrapped.tensors.keys()]).toEqual(["a", "b"]);
});

test("a file that is empty, a folder, or absent says so", async () => {
  await writeFile(join(folder, "empty.ckpt"), "");
  await expect(openCheckpoint(join(folder, "empty.ckpt"))).rejects.toThrow("is empty; fetch the file again");
  await expect(openCheckpoint(folder)).rejects.toThrow("is a folder without world.json");
  await expect(inspectCheckpoint(join(folder, "none.ckpt"))).rejects.toThrow("no such file");
});
