// Two servers with saved sessions in common behind nginx: a player whose node is drained goes on at the other one, to the byte.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@vid2world/torch/free-port";
import { openFolderStore } from "@vid2world/world/serving/server/session-store";
import { expectedPixels } from "@vid2world/world/serving/testing/arithmetic-engine";
import { TestClient } from "@vid2world/world/serving/testing/play-client";
import { type TestServer, testServer, testStart } from "@vid2world/world/serving/testing/test-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "./imports.js";

const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin`;
const hasNginx = (() => {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore", env: { PATH } });
    return true;
  } catch {
    return false;
  }
})();

let folder = "";
let nginx: ChildProcess | undefined;
let address = "";
const nodes: TestServer[] = [];

beforeAll(async () => {
  if (!hasNginx) return;
  folder = await mkdtemp(join(tmpdir(), "vid2world-nodes-"));
  const port = await freePort();
  address = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 2; i++) nodes.push(await testServer({ store: await openFolderStore(join(folder, "sessions")), trustProxy: true })); // prettier-ignore
  const [a = "", b = ""] = nodes.map((node) => new URL(node.address).host);
  const config = (await readFile(join(root, "scripts/serving/nginx.conf"), "utf8"))
    .replace("listen LISTEN", `listen 127.0.0.1:${port}`)
    .replace("server NODE_A", `server ${a}`)
    .replace("server NODE_B", `server ${b}`);
  await writeFile(join(folder, "nginx.conf"), config);
  nginx = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-g", "daemon off;"], { env: { PATH }, stdio: "ignore" });
  for (let tries = 0; tries < 50; tries++) {
    if (await fetch(`${address}/health`).then(({ ok }) => ok, () => false)) return; // prettier-ignore
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nginx does not answer: ${await readFile(join(folder, "error.log"), "utf8").catch(String)}`);
});

afterAll(async () => {
  nginx?.kill("SIGTERM");
  await Promise.all(nodes.map((node) => node.close()));
  if (folder) await rm(folder, { recursive: true, force: true });
});

test.skipIf(!hasNginx)("a drained node's sessions go on at the other node (needs nginx)", async () => {
  const settings = { guidanceScale: 1, numSteps: 2, decoder: "full" } as const;
  const path = [1, 0.5, -1].map((forward) => ({ action: [forward, 0], settings }));
  const client = await TestClient.connect(address);
  const { session, key } = await client.open({ seed: 3 });
  await client.step({ forward: 1 });
  await client.step({ forward: 0.5 });

  const home = nodes.find((node) => node.context.sessions.counts.sessions === 1);
  const other = nodes.find((node) => node !== home);
  await home?.close(); // what SIGTERM does to `vid2world play`

  const again = await TestClient.connect(address);
  again.send({ type: "resume", request: 1, protocol: 1, session, key, format: "rgb" });
  expect((await again.next("opened", 1)).nodes).toHaveLength(4);
  expect((await again.step({ forward: -1 })).pixels).toEqual(
    expectedPixels({ frames: testStart.frames, seed: 3 }, path),
  );
  expect(other?.context.sessions.counts.sessions).toBe(1);
});

test.skipIf(!hasNginx)("the page gives a browser a cookie that keeps it at its node (needs nginx)", async () => {
  const response = await fetch(address);
  expect(response.headers.get("set-cookie")).toMatch(/^route=[0-9a-f]+; Path=\/; HttpOnly; SameSite=Strict$/);
  const again = await fetch(address, { headers: { cookie: "route=abc" } });
  expect(again.headers.get("set-cookie")).toBeNull();
});
