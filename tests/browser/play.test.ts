// The page in a real browser, on a real server with the toy engine behind it.
/// <reference lib="dom" />
import { readFile } from "node:fs/promises";
import type { SessionNode } from "@vid2world/world/serving/protocol/messages";
import type { ServerOptions } from "@vid2world/world/serving/server/start-server";
import type { Browser, BrowserContextOptions, Locator, Page, WebSocketRoute } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type PageServer, buildPage, launch, noBrowser, servePage } from "./page-server.js";

/** Milliseconds that anything may take: long, as only a failure takes that long. */
const WAIT = 20_000;

let browser: Browser;
let site: { folder: string; remove: () => Promise<void> };
let server: PageServer;
/** What went wrong in pages without a test looking for it. */
const faults: string[] = [];

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  [site, browser] = await Promise.all([buildPage(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await site?.remove();
});
afterEach(async () => {
  if (noBrowser !== undefined) return;
  await Promise.all(browser.contexts().map((context) => context.close()));
  await server.close();
  expect(faults.splice(0)).toEqual([]);
});

/** A page of its own on a server of its own. */
async function openPage(options: Partial<ServerOptions> = {}, view: BrowserContextOptions = {}): Promise<Page> {
  server = await servePage(site.folder, options);
  return visit(view);
}

async function visit(view: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...view });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT);
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    // What the content security policy forbids is told here too. Refused requests are what some tests are about.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  await page.goto(server.address);
  return page;
}

const button = (page: Page, name: string | RegExp): Locator => page.getByRole("button", { name, exact: true });
const playButton = (page: Page): Locator => page.locator(".play-button");
const wordsOf = (page: Page): Promise<string> => page.locator("#frame-words").innerText();
const frameOf = async (page: Page): Promise<number> => Number(/^frame (\d+)/.exec(await wordsOf(page))?.[1]);

async function begin(page: Page, title = /A coloured floor/): Promise<void> {
  await page.getByRole("button", { name: title }).click();
  await playButton(page).waitFor();
  await until(async () => (await frameOf(page)) === 3);
}

/** Waits until something is so, looking often. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("it did not come to be so in time");
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const untilFrame = (page: Page, frame: number): Promise<void> => until(async () => (await frameOf(page)) >= frame);

/** Plays from what is shown to a frame, and pauses. */
async function playTo(page: Page, frame: number): Promise<void> {
  await playButton(page).click();
  await untilFrame(page, frame);
  await playButton(page).click();
  await button(page, "Play").first().waitFor();
}

const scrubTo = async (page: Page, frame: number): Promise<void> => {
  await page.getByRole("slider", { name: "Frame", exact: true }).fill(String(frame));
  await until(async () => (await frameOf(page)) === frame);
};

interface Described {
  readonly nodes: readonly SessionNode[];
}

async function described(page: Page): Promise<Described> {
  const stored = await page.evaluate<string>("sessionStorage.getItem('vid2world.session')");
  const { session, key } = JSON.parse(stored) as { session: string; key: string };
  const url = `${server.address}/api/v1/sessions/${session}`;
  return (await (await fetch(url, { headers: { "x-session-key": key } })).json()) as Described;
}

/** A digest of what a canvas shows. */
const look = (page: Page, selector: string): Promise<string> =>
  page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).toDataURL()`);

const STAGE = ".picture[role=application] canvas";
const OTHER = ".picture.other canvas";

describe.skipIf(noBrowser !== undefined)(
  `the page in Chromium${noBrowser === undefined ? "" : ` (${noBrowser})`}`,
  () => {
    test("plays 200 frames with held keys, each drawn by what was held", async () => {
      const page = await openPage();
      await begin(page);
      await page.getByLabel("Speed").selectOption("fastest");
      await playButton(page).click();
      await untilFrame(page, 5);
      await page.keyboard.down("KeyW");
      await page.keyboard.down("ArrowLeft");
      const pressed = await frameOf(page);
      await untilFrame(page, 100);
      await page.keyboard.up("ArrowLeft");
      const released = await frameOf(page);
      await untilFrame(page, 205);
      await page.keyboard.up("KeyW");
      await playButton(page).click();
      const { nodes } = await described(page);
      const between = (from: number, to: number): (readonly number[] | undefined)[] =>
        [...new Set(nodes.slice(from, to).map(({ action }) => String(action)))].map((text) =>
          text.split(",").map(Number),
        );
      // A few frames on both sides of a change were in work when it came.
      expect(between(pressed + 10, 95)).toEqual([[1, 0, expect.closeTo(0.4), 0, 0]]);
      expect(between(released + 10, 200)).toEqual([[1, 0, 0, 0, 0]]);
      expect(nodes.length).toBeGreaterThanOrEqual(205);
      expect(nodes.every(({ frame }, i) => frame === i)).toBe(true);
    });

    test("counts a tap that is shorter than a frame, in one frame", async () => {
      const page = await openPage();
      await begin(page);
      server.engine.frameMilliseconds = 60;
      await playButton(page).click();
      await untilFrame(page, 6);
      await page.keyboard.press("KeyE");
      await untilFrame(page, 14);
      await playButton(page).click();
      const used = (await described(page)).nodes.filter(({ action }) => action?.[4] === 1);
      expect(used.length).toBeGreaterThanOrEqual(1);
      expect(used.length).toBeLessThanOrEqual(2);
    });

    test("goes back, plays on differently, and shows both branches and the truth side by side", async () => {
      const page = await openPage();
      await begin(page);
      await page.keyboard.down("KeyW");
      await playTo(page, 24);
      await page.keyboard.up("KeyW");
      await scrubTo(page, 10);
      await page.keyboard.down("KeyS");
      await playTo(page, 20);
      await page.keyboard.up("KeyS");

      const { nodes } = await described(page);
      expect(nodes.filter(({ parent }) => parent === 10)).toHaveLength(2);
      await page.getByLabel("Branch").waitFor();
      await page.getByLabel("Compare", { exact: true }).selectOption({ label: "branch 1" });
      await scrubTo(page, 9);
      await until(async () => (await look(page, STAGE)) === (await look(page, OTHER)));
      await scrubTo(page, 18);
      await until(async () => (await look(page, STAGE)) !== (await look(page, OTHER)));

      await page.getByLabel("Compare", { exact: true }).selectOption("truth");
      await page.getByText("what really happened").first().waitFor();
      await scrubTo(page, 3);
      await until(async () => (await look(page, STAGE)) === (await look(page, OTHER)));
      await page.getByLabel("Branch").selectOption({ label: "branch 1" });
      await page.getByRole("slider", { name: "Frame", exact: true }).press("ArrowRight");
      await until(async () => (await frameOf(page)) === 4);
      await button(page, "End the comparison").click();
      await page.locator(OTHER).waitFor({ state: "detached" });
    });

    test("steps one frame by what is held, back by one, and watches again without drawing anything new", async () => {
      const page = await openPage();
      await begin(page);
      await page.keyboard.down("KeyW");
      await page.keyboard.press("Period");
      await until(async () => (await frameOf(page)) === 4);
      await page.keyboard.up("KeyW");
      await page.keyboard.press("Period");
      await until(async () => (await frameOf(page)) === 5);
      const { nodes } = await described(page);
      expect(nodes.slice(4).map(({ action }) => action?.[0])).toEqual([1, 0]);
      await page.keyboard.press("Comma");
      await until(async () => (await frameOf(page)) === 4);
      await scrubTo(page, 0);
      await page.keyboard.press("KeyL");
      await untilFrame(page, 5);
      await button(page, "Play").first().waitFor();
      expect((await described(page)).nodes).toHaveLength(6);
    });

    test("is in the same place after a reload, picture and all", async () => {
      const page = await openPage();
      await begin(page);
      await page.keyboard.down("KeyD");
      await playTo(page, 12);
      await page.keyboard.up("KeyD");
      const [words, picture] = [await wordsOf(page), await look(page, STAGE)];
      await page.reload();
      await playButton(page).waitFor();
      await until(async () => (await wordsOf(page)) === words);
      await until(async () => (await look(page, STAGE)) === picture);
      await playTo(page, 16);
      expect((await described(page)).nodes.every(({ frame }, i) => frame === i)).toBe(true);
    });

    test("plays on by itself after the connection was lost", async () => {
      server = await servePage(site.folder);
      const page = await visit();
      const routes: WebSocketRoute[] = [];
      await page.routeWebSocket(/play/, (route) => {
        route.connectToServer();
        routes.push(route);
      });
      await begin(page);
      await playButton(page).click();
      await untilFrame(page, 8);
      await routes[0]?.close({ code: 4999, reason: "cut by the test" });
      await page.getByText("The connection was lost").waitFor();
      const lost = await frameOf(page);
      await untilFrame(page, lost + 8);
      await page.getByText("The connection was lost").waitFor({ state: "detached" });
      expect(routes.length).toBeGreaterThanOrEqual(2);
      const { nodes } = await described(page);
      expect(nodes.every(({ frame }, i) => frame === i)).toBe(true);
    });

    test("says when the engine was lost and came back, and when memory is full", async () => {
      const page = await openPage();
      await begin(page);
      await playButton(page).click();
      await untilFrame(page, 6);
      server.engine.lose();
      await page.getByText("The engine failed and was started again").waitFor();
      const lost = await frameOf(page);
      await untilFrame(page, lost + 4);
      server.engine.memoryIsFull = true;
      await page.getByText("no memory left").waitFor();
      await button(page, "Play").first().waitFor();
      server.engine.memoryIsFull = false;
      await playTo(page, (await frameOf(page)) + 3);
    });

    test("waits in the queue of a full server, and goes in when there is room", async () => {
      const page = await openPage({ limits: { sessions: 1 } });
      await begin(page);
      await playButton(page).click();
      const second = await visit();
      await second.getByRole("button", { name: /A coloured floor/ }).click();
      await second.getByText("You are next").waitFor();
      await button(page, "Starts").click();
      await playButton(second).waitFor();
    });

    test("says when a server is full to the last place in its queue", async () => {
      const page = await openPage({ limits: { sessions: 1, queue: 0 } });
      await begin(page);
      await playButton(page).click();
      const second = await visit();
      await second.getByRole("button", { name: /A coloured floor/ }).click();
      await second.getByText("Every place is taken").waitFor();
      await button(second, "Choose a start").click();
      await second.getByText("Where do you want to begin?").waitFor();
    });

    test("asks for the token, refuses a wrong one, and plays with the right one", async () => {
      const page = await openPage({ token: "swordfish" });
      const enter = async (token: string): Promise<void> => {
        await page.getByLabel("Token").fill(token);
        await button(page, "Enter").click();
      };
      await enter("herring");
      await page.getByText("not the right one").waitFor();
      await enter("swordfish");
      await begin(page);
      await playTo(page, 6);
      expect(page.url()).not.toContain("swordfish");
    });

    test("records what is played as a video, and a branch as another", async () => {
      const page = await openPage();
      await begin(page);
      await button(page, "Record").click();
      const saved = page.waitForEvent("download");
      await playTo(page, 14);
      await page.locator(".recording").click();
      const file = await saved;
      expect(file.suggestedFilename()).toMatch(/^toy-.*\.(mp4|webm)$/);
      const bytes = await readFile(await file.path());
      expect(bytes.subarray(4, 8).toString() === "ftyp" || bytes.readUInt32BE(0) === 0x1a45dfa3).toBe(true);
      await page.getByText(/Saved \d+ frames as a video/).waitFor();
      const whole = page.waitForEvent("download");
      await button(page, "Save branch as video").click();
      expect((await readFile(await (await whole).path())).length).toBeGreaterThan(bytes.length / 2);
    });

    test("saves a session, and plays its file again to the same picture", async () => {
      const page = await openPage();
      await begin(page);
      await page.keyboard.down("KeyW");
      await page.keyboard.down("ArrowRight");
      await playTo(page, 14);
      const [last, picture] = [await frameOf(page), await look(page, STAGE)];
      const saved = page.waitForEvent("download");
      await button(page, "Save session").click();
      const path = await (await saved).path();
      await button(page, "Starts").click();
      await page.locator("input[type=file]").setInputFiles(path);
      await page.getByText("Playing the session again").waitFor();
      await untilFrame(page, last);
      await button(page, "Play").first().waitFor();
      await until(async () => (await look(page, STAGE)) === picture);
      expect((await described(page)).nodes).toHaveLength(last + 1);
    });

    test("begins at a picture that is dropped into the gallery, and refuses what is none", async () => {
      const page = await openPage();
      await page.getByRole("button", { name: /A coloured floor/ }).waitFor();
      const picture = await page.screenshot({ type: "png", clip: { x: 0, y: 0, width: 320, height: 240 } });
      const input = page.locator("input[type=file]");
      await input.setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: picture });
      await playButton(page).waitFor();
      await playTo(page, 6);
      await button(page, "Starts").click();
      await input.setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: Buffer.from("no picture at all") });
      await page.getByText("That file cannot be used").waitFor();
    });

    test("changes steps and guidance from the next frame on, and begins again with another seed", async () => {
      const page = await openPage();
      await begin(page);
      await page.getByRole("slider", { name: "Steps" }).fill("7");
      await page.getByRole("slider", { name: "Guidance" }).fill("2.5");
      await page.getByRole("radio", { name: "tiny" }).check({ force: true });
      await until(async () => page.getByRole("radio", { name: "tiny" }).isChecked());
      await page.keyboard.press("Period");
      await until(async () => (await frameOf(page)) === 4);
      const { nodes } = await described(page);
      expect(nodes[4]?.settings).toEqual({ numSteps: 7, guidanceScale: 2.5, decoder: "tiny" });
      await page.getByLabel("Seed").fill("42");
      await button(page, "Restart").click();
      await page.getByText("Seed 42.").waitFor();
      expect((await described(page)).nodes).toHaveLength(4);
    });

    test("looks with the mouse once the picture has captured it", async () => {
      const page = await openPage();
      await begin(page);
      await playButton(page).click();
      await page.locator(STAGE).click();
      await page.getByText("Esc lets the mouse go").waitFor();
      for (let x = 600; x < 900; x += 20) await page.mouse.move(x, 300);
      await untilFrame(page, (await frameOf(page)) + 8);
      await page.keyboard.press("KeyP");
      await button(page, "Play").first().waitFor();
      const turns = (await described(page)).nodes.map(({ action }) => action?.[2] ?? 0);
      expect(Math.min(...turns)).toBeLessThan(0); // to the right
      expect(turns.at(-1)).toBeCloseTo(0);
    });

    test("says when another window goes on with the session, and takes it back", async () => {
      const page = await openPage();
      await begin(page);
      const copy = await page.evaluate<string>("sessionStorage.getItem('vid2world.session')");
      const second = await visit();
      await second.evaluate((stored) => sessionStorage.setItem("vid2world.session", stored), copy);
      await second.reload();
      await page.getByText("goes on in another window").waitFor();
      await playTo(second, 6);
      await button(page, "Go on here").click();
      await second.getByText("goes on in another window").waitFor();
      await untilFrame(page, 6);
    });

    test("is played by a gamepad", async () => {
      server = await servePage(site.folder);
      const page = await visit();
      await page.evaluate(`
      const button = (value) => ({ value, pressed: value > 0.5, touched: value > 0 });
      window.pad = { connected: true, axes: [0, 0, 0, 0], buttons: Array.from({ length: 17 }, () => button(0)) };
      navigator.getGamepads = () => [window.pad];
      window.press = (i, value) => (window.pad.buttons[i] = button(value));
    `);
      await begin(page);
      await page.evaluate("press(9, 1)"); // start
      await untilFrame(page, 6);
      await page.evaluate("window.pad.axes[1] = -1; press(0, 1)");
      await untilFrame(page, (await frameOf(page)) + 8);
      await page.evaluate("window.pad.axes[1] = 0; press(0, 0); press(9, 0)");
      await page.evaluate("press(9, 1)");
      await button(page, "Play").first().waitFor();
      const acted = (await described(page)).nodes.filter(({ action }) => action?.[0] === 1 && action[4] === 1);
      expect(acted.length).toBeGreaterThanOrEqual(5);
    });

    test("is played with fingers on a phone, and fits its width", async () => {
      const page = await openPage({}, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
      await begin(page);
      await playButton(page).tap();
      await untilFrame(page, 6);
      await button(page, "use").tap();
      const pad = await page.locator(".pad").first().boundingBox();
      if (pad === null) throw new Error("there is no stick");
      const touch = await page.context().newCDPSession(page);
      const at = (x: number, y: number) => ({ touchPoints: [{ x: pad.x + x * pad.width, y: pad.y + y * pad.height }] });
      await touch.send("Input.dispatchTouchEvent", { type: "touchStart", ...at(0.5, 0.4) });
      await touch.send("Input.dispatchTouchEvent", { type: "touchMove", ...at(0.5, 0) });
      await untilFrame(page, (await frameOf(page)) + 8);
      await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
      await playButton(page).tap();
      const { nodes } = await described(page);
      expect(nodes.filter(({ action }) => action?.[0] === 1).length).toBeGreaterThanOrEqual(5);
      expect(nodes.filter(({ action }) => action?.[4] === 1).length).toBeGreaterThanOrEqual(1);
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      expect(width).toBeLessThanOrEqual(390);
    });

    test("can be used by keyboard alone, and everything in it has a name", async () => {
      const page = await openPage();
      await page.getByRole("button", { name: /A coloured floor/ }).waitFor();
      await page.keyboard.press("Tab");
      for (
        let i = 0;
        i < 6 && !(await page.evaluate<boolean>("document.activeElement.classList.contains('card')"));
        i++
      )
        await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await playButton(page).waitFor();
      await playButton(page).focus();
      await page.keyboard.press("Space"); // the button's, not the world's
      await untilFrame(page, 6);
      await page.keyboard.press("Space");
      await button(page, "Play").first().waitFor();
      const nameless = await page.evaluate<string[]>(`
      [...document.querySelectorAll("button, input, select, [role]")]
        .filter((e) => !e.closest("dialog") && !(e.textContent.trim() || e.ariaLabel || e.title || e.labels?.length || e.getAttribute("aria-labelledby")))
        .filter((e) => !["status"].includes(e.getAttribute("role")))
        .map((e) => e.outerHTML.slice(0, 120))
    `);
      expect(nameless).toEqual([]);
      await page.keyboard.press("Tab");
      await button(page, "Help").press("Enter");
      await page.getByRole("heading", { name: "Keys" }).waitFor();
      await button(page, "Close").click();
      await page.getByRole("heading", { name: "Keys" }).waitFor({ state: "hidden" });
    });
  },
);
