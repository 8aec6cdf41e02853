// The page with a network behind it, in a process of its own that is killed in the middle of play.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Channel } from "@vid2world/world/data/action-space";
import { engineProcess } from "@vid2world/world/serving/engine-process";
import { fixedGallery } from "@vid2world/world/serving/server/gallery/gallery";
import { startServer } from "@vid2world/world/serving/server/start-server";
import { expect, test } from "vitest";
import { saveDebugWorld } from "../debug-world.js";
import { buildPage, launch, noBrowser } from "./page-server.js";

const [width, height] = [64, 48];
const WAIT = 30_000;
const channels: Channel[] = [
  { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, KeyS: -1 } },
  { name: "turn", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyA: 1, KeyD: -1 } },
];

test.skipIf(noBrowser !== undefined)("a learned world plays on in the page after its process was killed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-played-"));
  await saveDebugWorld(folder, { name: "random", frame: { width, height }, channels });
  const [page, engine, browser] = await Promise.all([buildPage(), engineProcess({ world: folder }), launch()]);
  const grey = new Uint8Array(width * height * 3).fill(128);
  const gallery = fixedGallery([{ title: "grey", frames: grey }]);
  const server = await startServer({ engine, gallery, page: page.folder });
  try {
    const tab = await browser.newPage();
    tab.setDefaultTimeout(WAIT);
    await tab.goto(server.address);
    await tab.getByRole("button", { name: /grey/ }).click(); // it begins by itself
    await tab.locator(".play-button").waitFor();
    await tab.keyboard.down("KeyW");
    // The page's policy forbids what `waitForFunction` does.
    const untilFrame = async (frame: number): Promise<void> => {
      const end = Date.now() + WAIT;
      while (Number(/^frame (\d+)/.exec(await tab.locator("#frame-words").innerText())?.[1]) < frame) {
        if (Date.now() > end) throw new Error(`frame ${frame} did not come in time`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await untilFrame(6);
    expect(engine.pid).toBeDefined();
    process.kill(engine.pid ?? 0, "SIGKILL");
    await untilFrame(14);
    await tab.keyboard.up("KeyW");
    await tab.locator(".play-button").click();
    const stored = await tab.evaluate<string>("sessionStorage.getItem('vid2world.session')");
    const { session, key } = JSON.parse(stored) as { session: string; key: string };
    const answer = await fetch(`${server.address}/api/v1/sessions/${session}`, { headers: { "x-session-key": key } });
    const { nodes } = (await answer.json()) as { nodes: { frame: number; action?: number[] }[] };
    expect(nodes.every(({ frame }, i) => frame === i)).toBe(true);
    expect(nodes.slice(8, 13).map(({ action }) => action)).toEqual(Array.from({ length: 5 }, () => [1, 0]));
  } finally {
    await browser.close();
    await server.close();
    await engine.shutdown();
    await Promise.all([page.remove(), rm(folder, { recursive: true })]);
  }
});
