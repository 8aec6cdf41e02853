// Getting weights from a server that behaves, breaks, lies and moves; from a folder; and what is left behind each time.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { WeightFile } from "./manifest.js";
import { pullWeights, type PullOptions } from "./pull.js";
import { verifyWeights, weightStatus } from "./status.js";
import { sha256, startHubServer, type HubServer } from "./testing/hub-server.js";
import { WeightsError } from "./weights-error.js";

const BODY = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));

let server: HubServer;
let root: string;
let options: PullOptions;

beforeEach(async () => {
  [server, root] = [await startHubServer(), await mkdtemp(join(tmpdir(), "weights-"))];
  options = {
    root,
    retryDelay: 1,
    retries: 3,
    hubCache: join(root, "no-cache"),
    hub: { endpoint: server.url },
    env: {},
  };
});

afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

function byUrl(paths: string[], known: Partial<WeightFile> = {}): WeightFile {
  const urls = paths.map((path) => server.url + path) as [string, ...string[]];
  const texts = { title: "a file", evidence: "a test", licence: "none" };
  return {
    name: "one",
    group: "metrics",
    destination: "one/file.bin",
    origin: { kind: "url", urls },
    ...texts,
    ...known,
  };
}

function onHub(path?: string, known: Partial<WeightFile> = {}): WeightFile {
  const origin = {
    kind: "hub",
    repository: "some/Model-A",
    ending: ".ckpt",
    revision: "main",
    ...(path && { path }),
  } as const;
  return { ...byUrl(["/"]), destination: "a/model.ckpt", origin, ...known };
}

const known = { size: BODY.length, sha256: sha256(BODY) };
const target = (file: WeightFile): string => join(root, file.destination);
const left = async (): Promise<string[]> =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();

async function fault(promise: Promise<unknown>): Promise<WeightsError> {
  const error: unknown = await promise.catch((caught: unknown) => caught);
  if (!(error instanceof WeightsError)) throw new Error(`expected a WeightsError, got ${String(error)}`);
  return error;
}

describe("a plain address", () => {
  test("gives the file, its receipt, and progress up to its size", async () => {
    server.paths.set("/file", { body: BODY, etag: '"1"' });
    const file = byUrl(["/file"], known);
    const progress: (number | undefined)[][] = [];
    const pulled = await pullWeights(file, { ...options, onProgress: (...state) => void progress.push(state) });
    expect(pulled).toEqual({ path: target(file), how: "downloaded", ...known, checkedAgainst: "manifest" });
    expect(await readFile(target(file))).toEqual(BODY);
    expect(await left()).toEqual(["file.bin", "file.bin.receipt.json"]);
    expect(progress.at(-1)).toEqual([BODY.length, BODY.length]);
    expect((await pullWeights(file, options)).how).toBe("was there");
    expect(server.seen).toHaveLength(1);
  });

  test("that breaks off twice is continued by ranges, with the entity tag, in one call", async () => {
    server.paths.set("/file", { body: BODY, etag: '"1"', cuts: [100_000, 50_000] });
    await pullWeights(byUrl(["/file"], known), options);
    expect(await readFile(target(byUrl(["/"])))).toEqual(BODY);
    expect(server.seen.map(({ range }) => range !== undefined)).toEqual([false, true, true]);
    expect(server.seen[1]?.ifRange).toBe('"1"');
  });

  test("that fails for good leaves a part, which the next call continues", async () => {
    server.paths.set("/file", { body: BODY, etag: '"1"', cuts: [120_000] });
    const file = byUrl(["/file"]);
    const error = await fault(pullWeights(file, { ...options, retries: 0 }));
    expect(error.message).toMatch(/bytes are kept, the same command goes on/);
    const { state, bytes } = await weightStatus(file, root);
    expect([state, bytes > 0]).toEqual(["partial", true]);
    await pullWeights(file, options);
    expect(server.seen[1]?.range).toBe(`bytes=${bytes}-`);
    expect(await readFile(target(file))).toEqual(BODY);
  });

  test("whose file changed between two calls is taken from the beginning", async () => {
    server.paths.set("/file", { body: Buffer.alloc(BODY.length, 1), etag: '"old"', cuts: [120_000] });
    await fault(pullWeights(byUrl(["/file"]), { ...options, retries: 0 }));
    server.paths.set("/file", { body: BODY, etag: '"new"' });
    await pullWeights(byUrl(["/file"]), options);
    expect(await readFile(target(byUrl(["/"])))).toEqual(BODY);
  });

  test("that does not know ranges is taken from the beginning", async () => {
    server.paths.set("/file", { body: BODY, cuts: [120_000], wholeOnly: true });
    await pullWeights(byUrl(["/file"], known), options);
    expect(await readFile(target(byUrl(["/"])))).toEqual(BODY);
  });

  test("with a wrong checksum leaves nothing, under no name", async () => {
    server.paths.set("/file", { body: BODY });
    const error = await fault(pullWeights(byUrl(["/file"], { sha256: sha256(Buffer.from("other")) }), options));
    expect(error.code).toBe("CHECKSUM");
    expect(error.message).toContain(sha256(BODY));
    expect(await left()).toEqual([]);
  });

  test("that offers another size is refused before its bytes are taken", async () => {
    server.paths.set("/file", { body: BODY });
    const error = await fault(pullWeights(byUrl(["/file"], { size: 5 }), options));
    expect(error.message).toContain("the server offers 300000 bytes, expected 5");
    expect(await left()).toEqual([]);
  });

  test("that is busy is asked again, and given up after the last retry", async () => {
    server.paths.set("/file", { body: BODY, busy: 2 });
    expect((await pullWeights(byUrl(["/file"], known), options)).how).toBe("downloaded");
    server.paths.set("/down", { body: BODY, busy: 99 });
    const error = await fault(pullWeights(byUrl(["/down"], { destination: "two.bin" }), options));
    expect([error.code, /answered 503/.test(error.message)]).toEqual(["SERVER", true]);
    expect(server.seen.filter(({ path }) => path === "/down")).toHaveLength(4);
  });

  test("that is gone, refused or unreachable says what can be done", async () => {
    server.paths.set("/secret", { status: 401 });
    const gone = await fault(pullWeights(byUrl(["/gone"]), options));
    expect([gone.code, gone.message]).toEqual([
      "NOT_FOUND",
      expect.stringMatching(/^weights one: .*\/gone: the server answered 404/),
    ]);
    expect((await fault(pullWeights(byUrl(["/secret"]), options))).message).toContain("HF_TOKEN");
    const nowhere: WeightFile = { ...byUrl(["/"]), origin: { kind: "url", urls: ["http://127.0.0.1:9/x"] } };
    const offline = await fault(pullWeights(nowhere, options));
    expect([offline.code, offline.message]).toEqual(["OFFLINE", expect.stringContaining("--from FOLDER")]);
    const forbidden = await fault(pullWeights(byUrl(["/gone"]), { ...options, env: { HF_HUB_OFFLINE: "1" } }));
    expect(forbidden.message).toContain("HF_HUB_OFFLINE forbids the network");
    expect(await left()).toEqual([]);
  });

  test("that fails gives way to the next one of the manifest", async () => {
    server.paths.set("/wrong", { body: Buffer.alloc(BODY.length) });
    server.paths.set("/good", { body: BODY });
    await pullWeights(byUrl(["/gone", "/wrong", "/good"], known), options);
    expect(await readFile(target(byUrl(["/"])))).toEqual(BODY);
  });

  test("is asked by one process at a time; the lock of a dead one is taken over", async () => {
    server.paths.set("/file", { body: BODY });
    const file = byUrl(["/file"], known);
    await mkdir(dirname(target(file)), { recursive: true });
    await writeFile(`${target(file)}.lock`, String(process.pid));
    expect((await fault(pullWeights(file, options))).code).toBe("BUSY");
    const dead = spawn(process.execPath, ["-e", ""]);
    await once(dead, "exit");
    await writeFile(`${target(file)}.lock`, String(dead.pid));
    expect((await pullWeights(file, options)).how).toBe("downloaded");
  });

  test("of a file that does not fit on the disk is refused before its bytes come", async () => {
    const fetch = (): Promise<Response> =>
      Promise.resolve(new Response("x", { headers: { "content-length": "1".padEnd(17, "0") } }));
    const error = await fault(pullWeights(byUrl(["/file"]), { ...options, fetch }));
    expect([error.code, error.message]).toEqual([
      "NO_SPACE",
      expect.stringMatching(/are free, 10000000\.07 GB are needed.*VID2WORLD_WEIGHTS/),
    ]);
    expect(await left()).toEqual([]);
  });

  test("can be left by the user: the part stays, the error is the user's", async () => {
    server.paths.set("/file", { body: BODY, etag: '"1"' });
    const stop = new AbortController();
    const reason = new Error("stopped");
    const pulling = pullWeights(byUrl(["/file"]), {
      ...options,
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(pulling).rejects.toThrow();
    expect(await readdir(dirname(target(byUrl(["/"]))))).not.toContain("file.bin");
  });
});

describe("the hub", () => {
  test("tells size and checksum where the manifest has none, and the receipt keeps them for verifying", async () => {
    server.addRepository("some/Model-A", { "README.md": Buffer.from("hello"), "step=1/model_100.ckpt": BODY });
    const file = onHub();
    expect(await pullWeights(file, options)).toMatchObject({ how: "downloaded", ...known, checkedAgainst: "hub" });
    expect(server.seen.at(-1)?.path).toBe("/some/Model-A/resolve/main/step%3D1/model_100.ckpt");
    expect(await verifyWeights(file, { root })).toMatchObject({ state: "good", against: "receipt" });
    await writeFile(target(file), Buffer.alloc(BODY.length));
    expect(await verifyWeights(file, { root })).toMatchObject({ state: "wrong", expected: known.sha256 });
  });

  test("is reached through a mirror; the token goes to it, not to the storage that it redirects to", async () => {
    const storage = await startHubServer();
    storage.paths.set("/blob?signature=1", { body: BODY, etag: '"1"', cuts: [100_000] });
    server.addRepository("some/Model-A", { "model.ckpt": BODY });
    server.paths.set("/some/Model-A/resolve/main/model.ckpt", { redirect: `${storage.url}/blob?signature=1` });
    try {
      await pullWeights(onHub("model.ckpt"), { ...options, hub: { endpoint: server.url, token: "secret" } });
    } finally {
      await storage.close();
    }
    expect(await readFile(target(onHub()))).toEqual(BODY);
    expect(new Set(server.seen.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer secret"]));
    expect(new Set(storage.seen.map(({ authorization }) => authorization))).toEqual(new Set([undefined]));
    expect(storage.seen[1]?.range).toBeDefined();
  });

  test("may be a mirror without a listing where the path is known", async () => {
    server.paths.set("/some/Model-A/resolve/main/model.ckpt", { body: BODY });
    await pullWeights(onHub("model.ckpt"), options);
    expect(await readFile(target(onHub()))).toEqual(BODY);
  });

  test("that sends something else than it lists is found out", async () => {
    server.addRepository("some/Model-A", { "model.ckpt": BODY });
    server.paths.set("/some/Model-A/resolve/main/model.ckpt", { body: Buffer.alloc(BODY.length) });
    expect((await fault(pullWeights(onHub(), options))).code).toBe("CHECKSUM");
    expect(await left()).toEqual([]);
  });

  test("with two candidates, without the repository, or closed to us is explained", async () => {
    server.addRepository("some/Model-A", { "a.ckpt": BODY, "b.ckpt": BODY });
    expect((await fault(pullWeights(onHub(), options))).message).toContain("found a.ckpt, b.ckpt");
    const missing = onHub(undefined, {
      origin: { kind: "hub", repository: "no/Such", ending: ".ckpt", revision: "main" },
    });
    expect((await fault(pullWeights(missing, options))).code).toBe("NOT_FOUND");
    for (const path of server.paths.keys()) server.paths.set(path, { status: 403 });
    expect((await fault(pullWeights(onHub(), options))).code).toBe("REFUSED");
    const nowhere = { ...options, hub: { endpoint: "http://127.0.0.1:9" } };
    expect((await fault(pullWeights(onHub(), nowhere))).code).toBe("OFFLINE");
  });

  test("is not asked when its own cache on this machine has the file", async () => {
    const cache = join(root, "cache");
    const inside = join(cache, "models--some--Model-A");
    await mkdir(join(inside, "snapshots", "abc"), { recursive: true });
    await mkdir(join(inside, "blobs"));
    await writeFile(join(inside, "blobs", "1"), BODY);
    await symlink("../../blobs/1", join(inside, "snapshots", "abc", "model_100.ckpt"));
    expect(await pullWeights(onHub(), { ...options, hubCache: cache })).toMatchObject({ how: "linked", ...known });
    expect((await stat(target(onHub()))).isFile()).toBe(true);
    expect(server.seen).toEqual([]);
  });
});

describe("a folder with files that are there already", () => {
  test("in our layout, the published one or flat is taken over without the network", async () => {
    const from = join(root, "mine");
    for (const place of ["one/file.bin", "checkpoints/one/file.bin", "file.bin", "hub/checkpoints/file.bin"]) {
      await mkdir(dirname(join(from, place)), { recursive: true });
      await writeFile(join(from, place), BODY);
      expect(await pullWeights(byUrl(["/"], known), { ...options, from }), place).toMatchObject({ how: "linked" });
      expect(await verifyWeights(byUrl(["/"], known), { root })).toMatchObject({ state: "good", against: "manifest" });
      for (const path of [from, join(root, "one")]) await rm(path, { recursive: true });
    }
    await mkdir(join(from, "Model-A"), { recursive: true });
    await writeFile(join(from, "Model-A", "any.ckpt"), BODY);
    expect((await pullWeights(onHub(), { ...options, from })).how).toBe("linked");
    expect(server.seen).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/shm"))("on another disk is copied (skipped where there is no /dev/shm)", async () => {
    const from = await mkdtemp("/dev/shm/weights-");
    try {
      await writeFile(join(from, "file.bin"), BODY);
      const { how, path } = await pullWeights(byUrl(["/"], known), { ...options, from });
      expect(["copied", "linked"]).toContain(how); // linked where the temporary folder lies in memory too
      expect(await readFile(path)).toEqual(BODY);
    } finally {
      await rm(from, { recursive: true });
    }
  });

  test("with a wrong file or none is refused, and nothing is left", async () => {
    const from = join(root, "mine");
    await mkdir(from);
    const missing = await fault(pullWeights(byUrl(["/"], known), { ...options, from }));
    expect([missing.code, missing.message]).toEqual(["MISSING", expect.stringContaining("one/file.bin")]);
    await writeFile(join(from, "file.bin"), Buffer.alloc(BODY.length));
    expect((await fault(pullWeights(byUrl(["/"], known), { ...options, from }))).code).toBe("CHECKSUM");
    expect(await weightStatus(byUrl(["/"], known), root)).toMatchObject({ state: "missing" });
  });
});

test("a file of another size than the manifest's is seen, called wrong, and replaced by pulling", async () => {
  server.paths.set("/file", { body: BODY });
  const file = byUrl(["/file"], known);
  await mkdir(dirname(target(file)), { recursive: true });
  await writeFile(target(file), "short");
  expect((await weightStatus(file, root)).state).toBe("wrong size");
  expect((await verifyWeights(file, { root })).state).toBe("wrong");
  expect((await pullWeights(file, options)).how).toBe("downloaded");
});

test("a file of which nothing states a checksum is unknown, not good", async () => {
  const file = byUrl(["/file"]);
  await mkdir(dirname(target(file)), { recursive: true });
  await writeFile(target(file), BODY);
  expect(await verifyWeights(file, { root })).toMatchObject({ state: "unknown", sha256: known.sha256 });
});
