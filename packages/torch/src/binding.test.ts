// What is said of an addon that cannot be used.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("an addon of older sources, or none at all, is named with what to do", async () => {
  const folder = await mkdtemp(join(tmpdir(), "addon-"));
  const library = new URL("../dist/src/index.js", import.meta.url).href;
  const load = (file: string): Promise<unknown> =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", `await import(${JSON.stringify(library)})`], {
      env: { ...process.env, VID2WORLD_NATIVE: file },
    });
  try {
    const old = join(folder, "old.cjs");
    await writeFile(old, "module.exports = { setErrorClasses() {}, clearGrads() {}, callScript() {} };");
    await expect(load(old)).rejects.toThrow(/TorchError: native addon: .*old.cjs was built from older sources \(it has no backends, traceRunAside, cudaGraphCapture\); build it again/); // prettier-ignore
    const broken = join(folder, "broken.node");
    await writeFile(broken, "no library");
    await expect(load(broken)).rejects.toThrow(/TorchError: native addon: .*broken.node cannot be loaded/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
