// What the pool of decoding threads says of failures, and that it ends whatever happened to its threads.
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ClipFiles } from "./clip-files.js";
import { createDecodePool, type DecodePool, FrameReadError } from "./decode-pool.js";

let folder = "";
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), "pool-"))));
afterEach(() => rm(folder, { recursive: true }));

const filesAt = (name: string): ClipFiles =>
  ({ media: "rt1", path: path.join(folder, name), frames: 4, height: 2, width: 2 }) as unknown as ClipFiles;
const read = (pool: DecodePool, files: ClipFiles, bytes = 12): Promise<unknown> =>
  pool.read(files, { start: 0, frames: 1, stride: 1 }, new Uint8Array(new SharedArrayBuffer(bytes)));

test("only what a reader says of a file is the file's fault", async () => {
  writeFileSync(path.join(folder, "cut.npz"), "PK");
  const pool = createDecodePool(1);
  await expect(read(pool, filesAt("cut.npz"))).rejects.toThrow(FrameReadError);
  const ours = read(pool, filesAt("cut.npz"), 7);
  await expect(ours).rejects.not.toThrow(FrameReadError);
  await expect(ours).rejects.toThrow(/InvalidArgumentError: target_THWC/);
  await pool.close();
});

test("it can be closed after a thread crashed, and says that one did", async () => {
  const crashing = `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("out of memory"); });`;
  const pool = createDecodePool(2, new URL(`data:text/javascript,${encodeURIComponent(crashing)}`));
  await expect(read(pool, filesAt("x.npz"))).rejects.toThrow(/a decode worker ended: Error: out of memory/);
  await new Promise((resolve) => setTimeout(resolve, 50)); // it is gone before anyone closes the pool
  await pool.close();
});
