// What the page costs: bytes before it can be played, and memory over many frames, in Chromium.
/// <reference lib="dom" />
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { noBrowser } from "./page-server.js";
import { begin, browserVisitor, button, playButton, untilFrame } from "./visitor.js";

/** Counts pictures that were decoded and not given back. */
const COUNT_BITMAPS = `
  window.bitmaps = 0;
  const decode = window.createImageBitmap.bind(window);
  window.createImageBitmap = async (...given) => {
    const bitmap = await decode(...given);
    const close = bitmap.close.bind(bitmap);
    window.bitmaps++;
    bitmap.close = () => (window.bitmaps--, close());
    return bitmap;
  };
`;

/** What a page holds, after what nobody needs any more was collected. */
async function heldBy(page: Page): Promise<{ heap: number; nodes: number; listeners: number; bitmaps: number }> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  for (let i = 0; i < 2; i++) await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const metric = (name: string): number => metrics.find((found) => found.name === name)?.value ?? NaN;
  await devtools.detach();
  const bitmaps = await page.evaluate<number>("window.bitmaps");
  return { heap: metric("JSHeapUsedSize"), nodes: metric("Nodes"), listeners: metric("JSEventListeners"), bitmaps };
}

describe.skipIf(noBrowser !== undefined)("the page in Chromium", () => {
  const visitor = browserVisitor();

  test("loads below 48 kB packed until it plays, and the video encoder only for videos", async () => {
    const sizes = new Map<string, Promise<number>>();
    const page = await visitor.prepared((tab) => {
      tab.on("response", (response) => {
        const { pathname } = new URL(response.url());
        if (/(^\/|html|js|css|svg)$/.test(pathname))
          sizes.set(pathname, response.body().then((bytes) => gzipSync(bytes).length)); // prettier-ignore
      });
      return Promise.resolve();
    });
    await begin(page);
    expect([...sizes.keys()].filter((path) => path.endsWith(".js"))).toHaveLength(1);
    const packed = (await Promise.all(sizes.values())).reduce((sum, size) => sum + size, 0);
    expect(packed).toBeGreaterThan(10_000);
    expect(packed).toBeLessThan(48_000);
  });

  test("holds no more after 1,000 frames than after 200 but the frames' own entries, with a comparison beside it", async () => {
    const page = await visitor.prepared(async (tab) => {
      await tab.addInitScript(COUNT_BITMAPS);
    });
    visitor.server.engine.frameMilliseconds = 0;
    await begin(page);
    await button(page, "The real one").click();
    await page.getByLabel("Speed").selectOption("fastest");
    const playTo = async (frames: number): Promise<void> => {
      await playButton(page).click();
      await untilFrame(page, frames);
      await playButton(page).click();
      await button(page, "Play").first().waitFor();
    };
    await page.keyboard.down("KeyW");
    await playTo(200);
    const before = await heldBy(page);
    await playTo(1000);
    const after = await heldBy(page);
    await page.keyboard.up("KeyW");
    expect(after.bitmaps).toBeLessThanOrEqual(2); // the one on the screen, and one on its way
    expect(after.nodes - before.nodes).toBeLessThan(20);
    expect(after.listeners - before.listeners).toBeLessThan(5);
    expect((after.heap - before.heap) / 800).toBeLessThan(1024); // bytes per frame: its place in the tree, its action, its picture's handle
  });
});
