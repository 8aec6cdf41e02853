// Sessions of the page in Chromium: reloads, losses, files, and settings.
/// <reference lib="dom" />
import { readFile } from "node:fs/promises";
import type { Page, WebSocketRoute } from "playwright-core";
import { describe, expect, test } from "vitest";
import { noBrowser } from "./page-server.js";
import {
  STAGE,
  begin,
  browserVisitor,
  button,
  frameOf,
  look,
  playButton,
  scrubTo,
  until,
  untilFrame,
  wordsOf,
} from "./visitor.js";

describe.skipIf(noBrowser !== undefined)("session in Chromium", () => {
  const visitor = browserVisitor();

  test("is in the same place after a reload, picture and all", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await page.keyboard.down("KeyD");
    await visitor.playTo(page, 12);
    await page.keyboard.up("KeyD");
    const [words, picture] = [await wordsOf(page), await look(page, STAGE)];
    await page.reload();
    await playButton(page).waitFor();
    await until(async () => (await wordsOf(page)) === words);
    await until(async () => (await look(page, STAGE)) === picture);
    await button(page, "Restart").waitFor(); // where it began is known too
    await visitor.playTo(page, 16);
    expect((await visitor.described(page)).nodes.every(({ frame }, i) => frame === i)).toBe(true);
  });

  test("plays on by itself after the connection was lost", async () => {
    const routes: WebSocketRoute[] = [];
    const page = await visitor.prepared((tab) =>
      tab.routeWebSocket(/play/, (route) => {
        route.connectToServer();
        routes.push(route);
      }),
    );
    await begin(page);
    await playButton(page).click();
    await untilFrame(page, 8);
    await routes[0]?.close({ code: 4999, reason: "cut by the test" });
    await page.getByText("The connection was lost").waitFor();
    const lost = await frameOf(page);
    await untilFrame(page, lost + 8);
    await page.getByText("The connection was lost").waitFor({ state: "detached" });
    expect(routes.length).toBeGreaterThanOrEqual(2);
    const { nodes } = await visitor.described(page);
    expect(nodes.every(({ frame }, i) => frame === i)).toBe(true);
  });

  test("says when the engine was lost and came back, and when memory is full", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await playButton(page).click();
    await untilFrame(page, 6);
    visitor.server.engine.lose();
    await page.getByText("The engine failed and was started again").waitFor();
    const lost = await frameOf(page);
    await untilFrame(page, lost + 4);
    visitor.server.engine.memoryIsFull = true;
    await page.getByText("no memory left").waitFor();
    await button(page, "Play").first().waitFor();
    visitor.server.engine.memoryIsFull = false;
    await visitor.playTo(page, (await frameOf(page)) + 3);
  });

  test("records what is played as a video, and a branch as another", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await button(page, "Record").click();
    const saved = page.waitForEvent("download");
    await visitor.playTo(page, 14);
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

  test("saves a video where the browser has no WebCodecs: as over http from another machine", async () => {
    const page = await visitor.prepared(async (tab) => void (await tab.addInitScript("delete window.VideoEncoder")));
    await begin(page);
    await visitor.playTo(page, 10);
    const saved = page.waitForEvent("download");
    await button(page, "Save branch as video").click();
    const bytes = await readFile(await (await saved).path());
    expect(bytes.subarray(4, 8).toString() === "ftyp" || bytes.readUInt32BE(0) === 0x1a45dfa3).toBe(true);
    await page.getByText(/Saved \d+ frames as a video/).waitFor();
  });

  test("saves a session, and plays its file again to the same picture", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await page.keyboard.down("KeyW");
    await page.keyboard.down("ArrowRight");
    await visitor.playTo(page, 14);
    const [last, picture] = [await frameOf(page), await look(page, STAGE)];
    const saved = page.waitForEvent("download");
    await button(page, "Save session").click();
    const text = await readFile(await (await saved).path(), "utf8");
    const buffer = Buffer.from(JSON.stringify({ ...(JSON.parse(text) as object), current: 9 }));
    await button(page, "Starts").click();
    await page.locator("input[type=file]").setInputFiles({ name: "s.json", mimeType: "application/json", buffer });
    await page.getByText("Playing the session again").waitFor();
    await until(async () => (await visitor.described(page)).nodes.length === last + 1);
    await until(async () => (await frameOf(page)) === 9); // where its player had gone back to
    await scrubTo(page, last);
    await until(async () => (await look(page, STAGE)) === picture);
  });

  test("says that a saved session is played again, and whether its frames can be the same", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await visitor.playTo(page, 14);
    const saved = page.waitForEvent("download");
    await button(page, "Save session").click();
    const file = (await readFile(await (await saved).path(), "utf8")).replace(/"checksum":"./, '"checksum":"-');
    await button(page, "Starts").click();
    visitor.server.engine.frameMilliseconds = 120;
    const buffer = Buffer.from(file);
    await page.locator("input[type=file]").setInputFiles({ name: "s.json", mimeType: "application/json", buffer });
    await page.getByText("its frames will not be the same").waitFor();
    await page.getByText("the saved session again").waitFor();
    expect(await page.getByRole("note").count()).toBe(0); // keys do nothing yet
    await playButton(page).click();
    await button(page, "Play the saved session on").waitFor();
    await page.reload();
    await button(page, "Play the saved session on").click();
    await page.getByText("the saved session again").waitFor();
    await scrubTo(page, 3);
    await button(page, "Play from here: a new branch").click();
    await page.getByText("the saved session again").waitFor({ state: "detached" });
  });

  test("begins at a picture that is dropped into the gallery, and refuses what is none", async () => {
    const page = await visitor.openPage();
    await page.getByRole("button", { name: /A coloured floor/ }).waitFor();
    const picture = await page.screenshot({ type: "png", clip: { x: 0, y: 0, width: 320, height: 240 } });
    const input = page.locator("input[type=file]");
    await input.setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: picture });
    await playButton(page).waitFor();
    await visitor.playTo(page, 6);
    await button(page, "Starts").click();
    await input.setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: Buffer.from("no picture at all") });
    await page.getByText("That file cannot be used").waitFor();
    await button(page, "Choose a start").waitFor();
    await button(page, "Try again").waitFor({ state: "detached" }); // it would open the start before
  });

  test("changes steps, guidance and seed from the next frame on, and begins again with another seed", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await page.getByRole("slider", { name: "Steps" }).fill("7");
    await page.getByRole("slider", { name: "Guidance" }).fill("2.5");
    await page.getByRole("radio", { name: "tiny" }).check({ force: true });
    await until(async () => page.getByRole("radio", { name: "tiny" }).isChecked());
    await page.keyboard.press("Period");
    await until(async () => (await frameOf(page)) === 4);
    const { nodes } = await visitor.described(page);
    expect(nodes[4]?.settings).toEqual({ numSteps: 7, guidanceScale: 2.5, decoder: "tiny" });
    await page.getByLabel("Seed").fill("41");
    await page.getByLabel("Seed").press("Enter");
    await button(page, "One frame on").click();
    await until(async () => (await frameOf(page)) === 5);
    expect((await visitor.described(page)).nodes[5]?.settings?.seed).toBe(41);
    await page.getByLabel("Seed").fill("42");
    await button(page, "Restart").click();
    await page.getByText("Begun with seed 42.").waitFor();
    const { nodes: again, state } = await visitor.described(page);
    expect(again).toHaveLength(4);
    expect(state.settings).toEqual({ numSteps: 7, guidanceScale: 2.5, decoder: "tiny" });
  });

  test("says when another window goes on with the session, and takes it back", async () => {
    const page = await visitor.openPage();
    await begin(page);
    const copy = await page.evaluate<string>("sessionStorage.getItem('vid2world.session')");
    const second = await visitor.visit();
    await second.evaluate((stored) => sessionStorage.setItem("vid2world.session", stored), copy);
    await second.reload();
    await page.getByText("goes on in another window").waitFor();
    await visitor.playTo(second, 6);
    await button(page, "Go on here").click();
    await second.getByText("goes on in another window").waitFor();
    await untilFrame(page, 6);
  });

  /** A page whose connection a test cuts, and whose server's messages it changes. */
  async function meddledWith(change: (text: string, socket: number) => string | undefined): Promise<{
    page: Page;
    cut: () => Promise<void>;
  }> {
    const routes: WebSocketRoute[] = [];
    const page = await visitor.prepared((tab) =>
      tab.routeWebSocket(/play/, (route) => {
        const number = routes.push(route) - 1;
        route.connectToServer().onMessage((data) => {
          const changed = typeof data === "string" ? change(data, number) : data;
          if (changed !== undefined) route.send(changed);
        });
      }),
    );
    const cut = async (): Promise<void> => routes.at(-1)?.close({ code: 4999, reason: "cut by the test" });
    return { page, cut };
  }

  test("keeps the key and tries again where a server refuses for the moment, after a loss and after a reload", async () => {
    let refusals = 0;
    const { page, cut } = await meddledWith((text) => {
      const { type, request } = JSON.parse(text) as { type: string; request: number };
      if (type !== "opened" || refusals-- <= 0) return text;
      return JSON.stringify({ type: "error", request, code: "server-full", message: "every place is taken" });
    });
    await begin(page);
    await visitor.playTo(page, 8);
    refusals = 2;
    await cut();
    await page.getByText("every place is taken").waitFor();
    await page.getByText("every place is taken").waitFor({ state: "detached" });
    refusals = 1;
    await page.reload();
    await page.getByText("every place is taken").waitFor();
    await until(async () => (await playButton(page).isVisible()) && (await frameOf(page)) >= 8);
    await page.route("**/api/v1/world", (route) =>
      route.fulfill({
        status: 503,
        json: { error: { code: "shutting-down", message: "the server is shutting down" } },
      }),
    );
    await page.reload();
    await page.getByText("the server is shutting down").first().waitFor();
    await page.unroute("**/api/v1/world");
    await button(page, "Choose a start").click();
    await until(async () => (await playButton(page).isVisible()) && (await frameOf(page)) >= 8);
  });

  test("shows what the server has where it came back from an older save", async () => {
    let isOlder = false;
    const { page, cut } = await meddledWith((text) => {
      const message = JSON.parse(text) as { type: string; nodes: { node: number }[]; state: object };
      if (message.type !== "opened" || !isOlder) return text;
      const nodes = message.nodes.slice(0, 8);
      return JSON.stringify({ ...message, nodes, state: { ...message.state, node: 7 } });
    });
    await begin(page);
    await visitor.playTo(page, 12);
    await scrubTo(page, 11);
    isOlder = true;
    await cut();
    await page.getByText(/frames are gone/).waitFor();
    await until(async () => (await wordsOf(page)).startsWith("frame 7 of 7"));
  });

  test("keeps the speed that was chosen, whatever is done before playing", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await visitor.playTo(page, 8);
    await page.getByLabel("Speed").selectOption("2");
    await page.getByRole("slider", { name: "Steps" }).fill("9");
    await scrubTo(page, 5);
    await visitor.playTo(page, 9);
    expect(await page.getByLabel("Speed").inputValue()).toBe("2");
    expect((await visitor.described(page)).state).toMatchObject({ fps: 40, settings: { numSteps: 9 } });
  });

  test("a slider stays where it was dragged while the server answers", async () => {
    const page = await visitor.openPage();
    await begin(page);
    visitor.server.engine.frameMilliseconds = 60;
    await playButton(page).click();
    const values = await page.evaluate<string[]>(`
      new Promise((resolve) => {
        const slider = document.querySelector("input[aria-label='Steps per frame']");
        const values = [];
        let next = 3;
        const timer = setInterval(() => {
          values.push(slider.value);
          slider.value = String(next++);
          slider.dispatchEvent(new Event("input", { bubbles: true }));
          if (next === 24) resolve(values.concat(clearInterval(timer) ?? []));
        }, 20);
      })
    `);
    expect(values.slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 3)));
    await until(async () => (await visitor.described(page)).state.settings.numSteps === 23);
  });

  test("an upload that was cancelled opens nothing", async () => {
    const page = await visitor.openPage();
    await page.getByRole("button", { name: /A coloured floor/ }).waitFor();
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/uploads", async (route) => {
      await asked;
      await route.fulfill({ status: 201, json: { id: "x", kind: "upload", exact: true } }).catch(() => undefined);
    });
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: Buffer.from("x") });
    await page.getByText("Sending mine.png").waitFor();
    await button(page, "Cancel").click();
    answer();
    await page.getByText("Where do you want to begin?").waitFor();
    await page.waitForTimeout(200);
    expect(await page.getByText("Where do you want to begin?").isVisible()).toBe(true);
  });

  test("a recording ends with its session, and is saved", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await button(page, "Record").click();
    await visitor.playTo(page, 10);
    const saved = page.waitForEvent("download");
    await button(page, "Starts").click();
    expect((await saved).suggestedFilename()).toMatch(/\.(mp4|webm)$/);
    await begin(page);
    await button(page, "Record").waitFor();
  });
});
