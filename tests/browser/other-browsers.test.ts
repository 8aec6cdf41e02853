// The page in Firefox and in WebKit, the engine of Safari: what browsers may differ in, once through.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drivenPage } from "./driven-page.js";
import { noFirefox, startFirefox } from "./firefox.js";
import { buildPage, servePage } from "./page-server.js";
import { OTHER, STAGE, until } from "./visitor.js";
import { noWebKit, startWebKit } from "./webkit.js";

// Without a screen Firefox has no focus, and captures the mouse for nobody.
const browsers = [
  { name: "Firefox", start: startFirefox, missing: noFirefox, captures: false },
  { name: "WebKit", start: startWebKit, missing: noWebKit, captures: true },
];

let site: { folder: string; remove: () => Promise<void> } | undefined;
beforeAll(async () => {
  if (browsers.some(({ missing }) => missing === undefined)) site = await buildPage();
});
afterAll(() => site?.remove());

describe.each(browsers)("$name", ({ start, missing, captures }) => {
  test.skipIf(missing !== undefined)(
    "plays, records, goes back, branches, compares, and comes back after a reload",
    async () => {
      const browser = await start();
      const server = await servePage(site?.folder ?? "");
      server.engine.frameMilliseconds = 20;
      const page = drivenPage(browser, server);
      const playTo = async (least: number): Promise<void> => {
        await page.click(".play-button");
        await page.untilFrame((frame) => frame >= least);
        await page.click(".play-button");
        await until(async () => (await page.described()).state.phase === "paused");
      };
      const scrubTo = async (frame: number): Promise<void> => {
        await page.set(".scrub", String(frame), "input");
        await page.untilFrame((shown) => shown === frame);
      };
      try {
        await page.open();
        await until(async () => (await page.look(".card canvas")).length > 2000); // the gallery's pictures are there
        await page.click(".card");
        await page.untilFrame((frame) => frame === 3);

        const first = await page.look(STAGE);
        await page.click(".transport button[title^=Record]");
        await page.press("w");
        await playTo(12);
        await page.release("w");
        expect(await page.look(STAGE)).not.toBe(first);
        await page.click(".recording");
        await until(async () => (await page.saved()) !== undefined);
        const video = await page.saved();
        expect(video?.type).toMatch(/^video/);
        expect(video?.begins).toBe(video?.type);

        await scrubTo(8);
        await page.press("s");
        await playTo(12);
        await page.release("s");
        const { nodes } = await page.described();
        expect(nodes.slice(6, 10).map(({ action }) => action?.[0])).toEqual([1, 1, 1, 1]);
        expect(nodes.filter(({ parent }) => parent === 8).map(({ action }) => action?.[0])).toEqual([1, -1]);

        await page.set("#compare", "branch 1", "change");
        await scrubTo(7);
        await until(async () => (await page.look(OTHER)) === (await page.look(STAGE)));
        await scrubTo(11);
        await until(async () => (await page.look(OTHER)) !== (await page.look(STAGE)));
        if (captures) {
          await page.click(".play-button");
          await page.click("[role=application]");
          await until(() => browser.evaluate<boolean>("document.pointerLockElement !== null"));
          const moves = Array.from({ length: 10 }, (_, i) => ({
            type: "pointerMove",
            x: 300 + 20 * i,
            y: 200,
            duration: 20,
          }));
          await browser.perform({ type: "pointer", id: "mouse", actions: moves });
          await until(async () => (await page.described()).nodes.some(({ action }) => (action?.[2] ?? 0) < 0)); // to the right
          await browser.evaluate("document.exitPointerLock()");
          await page.click(".play-button");
          await until(async () => (await page.described()).state.phase === "paused");
        }
        expect(await page.faults()).toEqual([]);

        const { nodes: all, state } = await page.described();
        await scrubTo(all[state.node]?.frame ?? 0);
        const look = async (): Promise<string> => `${await page.words()} ${await page.look(STAGE)}`;
        const seen = await look();
        await page.open();
        await until(async () => (await look()) === seen);
      } finally {
        await browser.close();
        await server.close();
      }
    },
  );
});
