// Playing in Chromium: frames by what is held, going back, branches, watching again, and the start of it all.
/// <reference lib="dom" />
import { describe, expect, test } from "vitest";
import { noBrowser } from "./page-server.js";
import {
  OTHER,
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
} from "./visitor.js";

describe.skipIf(noBrowser !== undefined)("play in Chromium", () => {
  const visitor = browserVisitor();

  test("plays 200 frames with held keys, each drawn by what was held", async () => {
    const page = await visitor.openPage();
    visitor.server.engine.frameMilliseconds = 1;
    await begin(page);
    const drawn = async (): Promise<number> => (await visitor.described(page)).nodes.length;
    await page.getByLabel("Speed").selectOption("fastest");
    await playButton(page).click();
    await page.keyboard.down("KeyW");
    await page.keyboard.down("ArrowLeft");
    const pressed = await drawn();
    await until(async () => (await drawn()) >= 100);
    const before = await drawn();
    await page.keyboard.up("ArrowLeft");
    const released = await drawn();
    await until(async () => (await drawn()) >= 205);
    const end = await drawn();
    await page.keyboard.up("KeyW");
    await playButton(page).click();
    const { nodes } = await visitor.described(page);
    const between = (from: number, to: number): number[][] => {
      const rows = new Set(nodes.slice(from, to).map(({ action }) => String(action)));
      return [...rows].map((text) => text.split(",").map(Number));
    };
    // A few frames on both sides of a change were in work when it came.
    expect(between(pressed + 5, before)).toEqual([[1, 0, expect.closeTo(0.4), 0, 0]]);
    expect(between(released + 5, end)).toEqual([[1, 0, 0, 0, 0]]);
    expect(nodes.every(({ frame }, i) => frame === i)).toBe(true);
  });

  test("counts a tap that is shorter than a frame, in one frame", async () => {
    const page = await visitor.openPage();
    await begin(page);
    visitor.server.engine.frameMilliseconds = 60;
    await playButton(page).click();
    await untilFrame(page, 6);
    await page.keyboard.press("KeyE");
    await untilFrame(page, 14);
    await playButton(page).click();
    const used = (await visitor.described(page)).nodes.filter(({ action }) => action?.[4] === 1);
    expect(used.length).toBeGreaterThanOrEqual(1);
    expect(used.length).toBeLessThanOrEqual(2);
  });

  test("goes back, plays on differently, and shows both branches and the truth side by side", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await page.keyboard.down("KeyW");
    await visitor.playTo(page, 24);
    await page.keyboard.up("KeyW");
    await scrubTo(page, 10);
    await page.keyboard.down("KeyS");
    await visitor.playTo(page, 20);
    await page.keyboard.up("KeyS");

    const { nodes } = await visitor.described(page);
    expect(nodes.filter(({ parent }) => parent === 10)).toHaveLength(2);
    await page.getByLabel("Branch").waitFor();
    await page.getByLabel("Compare", { exact: true }).selectOption({ label: "branch 1" });
    await button(page, "Branch 1").waitFor();
    await scrubTo(page, 9);
    await until(async () => (await look(page, STAGE)) === (await look(page, OTHER)));
    await scrubTo(page, 18);
    await until(async () => (await look(page, STAGE)) !== (await look(page, OTHER)));

    await page.getByLabel("Compare", { exact: true }).selectOption("the recording");
    await page.getByText("what really happened").first().waitFor();
    await scrubTo(page, 3);
    await until(async () => (await look(page, STAGE)) === (await look(page, OTHER)));
    await page.getByLabel("Branch").selectOption({ label: "branch 1" });
    await page.getByRole("slider", { name: "Frame", exact: true }).press("ArrowRight");
    await until(async () => (await frameOf(page)) === 4);
    await button(page, "End the comparison").click();
    await page.locator(OTHER).waitFor({ state: "detached" });
    await page.keyboard.press("KeyC");
    await page.getByText("what really happened").first().waitFor();
    await button(page, "The real one").click();
    await page.locator(OTHER).waitFor({ state: "detached" });
  });

  test("steps one frame by what is held, back by one, and watches again without drawing anything new", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await page.keyboard.down("KeyW");
    await page.keyboard.press("Period");
    await until(async () => (await frameOf(page)) === 4);
    await page.keyboard.up("KeyW");
    await page.keyboard.press("Period");
    await until(async () => (await frameOf(page)) === 5);
    const { nodes } = await visitor.described(page);
    expect(nodes.slice(4).map(({ action }) => action?.[0])).toEqual([1, 0]);
    await page.keyboard.press("Comma");
    await until(async () => (await frameOf(page)) === 4);
    await scrubTo(page, 0);
    await page.keyboard.press("KeyL");
    await untilFrame(page, 5);
    await button(page, "Play").first().waitFor();
    expect((await visitor.described(page)).nodes).toHaveLength(6);
  });

  test("begins by itself, and tells the keys until they are used", async () => {
    const page = await visitor.openPage({}, { path: "/" });
    await page.getByRole("button", { name: /A coloured floor/ }).click();
    const hint = page.getByRole("note");
    await hint.getByText("forward").waitFor();
    await untilFrame(page, 6);
    await page.keyboard.down("KeyW");
    await hint.waitFor({ state: "detached" });
    await page.reload(); // a session that one comes back to does not run away
    await button(page, "Play").first().waitFor();
    await page.getByRole("note").waitFor({ state: "detached" });
  });

  test("waits to be begun where little motion is wished for", async () => {
    const page = await visitor.openPage({}, { path: "/", reducedMotion: "reduce" });
    await begin(page);
    await page.getByRole("note").waitFor();
    await button(page, "Play").first().waitFor();
    expect((await visitor.described(page)).state.phase).toBe("paused");
  });

  test("goes on from the newest frame, however play, pause and steps follow each other", async () => {
    const page = await visitor.openPage();
    await begin(page);
    visitor.server.engine.frameMilliseconds = 30;
    await page.keyboard.press("KeyP");
    for (const code of ["KeyP", "KeyP", "Period", "KeyP", "Period", "Period", "KeyP", "KeyP", "KeyP"]) {
      await page.keyboard.press(code);
      await new Promise((resolve) => setTimeout(resolve, 70));
    }
    await untilFrame(page, 20);
    const hide = (hidden: boolean): Promise<unknown> =>
      page.evaluate(`
        Object.defineProperty(document, "hidden", { configurable: true, get: () => ${hidden} });
        document.dispatchEvent(new Event("visibilitychange"));
      `);
    await hide(true);
    await until(async () => (await visitor.described(page)).state.phase === "paused");
    await hide(false);
    const { nodes } = await visitor.described(page);
    await untilFrame(page, nodes.length + 4);
    expect((await visitor.described(page)).nodes.every(({ frame }, i) => frame === i)).toBe(true);
  });

  test("fetches only what is looked at when the timeline is dragged after a reload", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await page.getByLabel("Speed").selectOption("fastest");
    await visitor.playTo(page, 40);
    await page.reload();
    await until(async () => (await frameOf(page)) >= 40);
    const fetched: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("/frames/")) fetched.push(request.url());
    });
    await page.evaluate(`
      const slider = document.querySelector(".scrub");
      for (let frame = 39; frame >= 5; frame--) {
        slider.value = String(frame);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
      }
    `);
    await until(async () => (await frameOf(page)) === 5);
    const dragged = await look(page, STAGE);
    await scrubTo(page, 6);
    await scrubTo(page, 5);
    await until(async () => (await look(page, STAGE)) === dragged);
    expect(fetched.length).toBeLessThanOrEqual(4);
  });
});
