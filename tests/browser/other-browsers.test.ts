// The page in Firefox and in WebKit, the engine of Safari: what browsers may differ in, once through.
import { CSGO_MOUSE_X, csgoChannels } from "@vid2world/world/data/csgo/csgo-actions";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drivenPage } from "./driven-page.js";
import { noFirefox, startFirefox } from "./firefox.js";
import { buildPage, servePage } from "./page-server.js";
import { OTHER, STAGE, until } from "./visitor.js";
import { noWebKit, startWebKit } from "./webkit.js";

const browsers = [
  { name: "Firefox", start: startFirefox, missing: noFirefox },
  { name: "WebKit", start: startWebKit, missing: noWebKit },
];

const channels = csgoChannels();
const mouseX = channels.findIndex(({ name }) => name.startsWith("mouseX"));

/** How far the mouse went to the right in a frame, pixels: the one bin that is on. */
function movedBy(action: readonly number[] = []): number {
  const on = CSGO_MOUSE_X.filter((_, i) => action[mouseX + i] === 1);
  if (on.length > 1) throw new Error(`${on.length} bins are on`);
  return on[0] ?? 0;
}

let site: { folder: string; remove: () => Promise<void> } | undefined;
beforeAll(async () => {
  if (browsers.some(({ missing }) => missing === undefined)) site = await buildPage();
});
afterAll(() => site?.remove());

describe.each(browsers)("$name", ({ start, missing }) => {
  test.skipIf(missing !== undefined)(
    "plays CS:GO by keys and mouse, records, goes back, branches, compares, and comes back after a reload",
    async () => {
      const browser = await start();
      const server = await servePage(site?.folder ?? "", { channels });
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
        const ways = nodes.filter(({ parent }) => parent === 8).map(({ action }) => [action?.[0], action?.[2]]);
        expect(ways).toEqual([
          [1, 0],
          [0, 1],
        ]);

        await page.set("#compare", "branch 1", "change");
        await scrubTo(7);
        await until(async () => (await page.look(OTHER)) === (await page.look(STAGE)));
        await scrubTo(11);
        await until(async () => (await page.look(OTHER)) !== (await page.look(STAGE)));
        await page.click(".play-button");
        await page.click("[role=application]");
        await until(() => browser.evaluate<boolean>("document.pointerLockElement !== null"));
        // To the right of the window's middle, where Firefox puts a captured mouse back after each movement of a real one.
        const moves = Array.from({ length: 10 }, (_, i) => ({ type: "pointerMove", x: 800 + 15 * i, y: 300, duration: 20 })); // prettier-ignore
        await browser.perform({ type: "pointer", id: "mouse", actions: moves });
        await until(async () => (await page.described()).nodes.some(({ action }) => movedBy(action) > 0));
        await browser.evaluate("document.exitPointerLock()");
        await page.click(".play-button");
        await until(async () => (await page.described()).state.phase === "paused");
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
