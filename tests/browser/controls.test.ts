// Controls of the page in Chromium: mouse, gamepad, fingers, and the keyboard alone.
/// <reference lib="dom" />
import {
  CSGO_MOUSE_X,
  CSGO_MOUSE_Y,
  csgoAction,
  csgoChannels,
  csgoStillAction,
} from "@vid2world/world/data/csgo/csgo-actions";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { noBrowser } from "./page-server.js";
import { STAGE, begin, browserVisitor, button, frameOf, playButton, until, untilFrame } from "./visitor.js";

/** Lines of what screen readers are told that name a control by its kind alone. */
async function namelessIn(page: Page): Promise<string[]> {
  const lines = (await page.locator("body").ariaSnapshot()).split("\n");
  return lines.filter((line) => /- (button|slider|spinbutton|combobox|radio|textbox|img)(?! "|group)/.test(line));
}

describe.skipIf(noBrowser !== undefined)("controls in Chromium", () => {
  const visitor = browserVisitor();

  test("looks with the mouse once the picture has captured it", async () => {
    const page = await visitor.openPage();
    await begin(page);
    await playButton(page).click();
    await page.locator(STAGE).click();
    await page.getByText("Esc lets the mouse go").waitFor();
    for (let x = 600; x < 900; x += 20) await page.mouse.move(x, 300);
    await untilFrame(page, (await frameOf(page)) + 8);
    await page.keyboard.press("KeyP");
    await button(page, "Play").first().waitFor();
    const turns = (await visitor.described(page)).nodes.map(({ action }) => action?.[2] ?? 0);
    expect(Math.min(...turns)).toBeLessThan(0); // to the right
    expect(turns.at(-1)).toBeCloseTo(0);
  });

  test("in CS:GO the mouse moves in the published bins, one per axis and frame, and aims and fires once it is captured", async () => {
    const page = await visitor.openPage({ channels: csgoChannels() });
    await begin(page);
    await playButton(page).click();
    await page.locator(STAGE).click();
    await page.getByText("Esc lets the mouse go").waitFor();
    await page.mouse.down();
    for (let i = 1; i <= 15; i++) await page.mouse.move(600 + 20 * i, 300 - 10 * i);
    await untilFrame(page, (await frameOf(page)) + 8);
    await page.mouse.up();
    await untilFrame(page, (await frameOf(page)) + 12); // those in work when it was let go still have it
    await page.keyboard.press("KeyP");
    await button(page, "Play").first().waitFor();
    const rows = (await visitor.described(page)).nodes.flatMap(({ action }) => (action === undefined ? [] : [action]));
    const bins = rows.map((row) => [row.slice(13, 36), row.slice(36, 51)].map((bin) => bin.indexOf(1)));
    expect(rows.every((row) => row.slice(13).reduce((sum, value) => sum + value, 0) === 2)).toBe(true);
    expect(bins.some(([x = 0, y = 0]) => (CSGO_MOUSE_X[x] ?? 0) > 0 && (CSGO_MOUSE_Y[y] ?? 0) < 0)).toBe(true); // right, up
    expect(rows.some((row) => row[11] === 1)).toBe(true);
    expect(rows.at(-1)).toEqual([...csgoStillAction()]);

    const stepped = async (): Promise<readonly number[]> => {
      const before = await frameOf(page);
      await page.keyboard.press("Period");
      await untilFrame(page, before + 1);
      return (await visitor.described(page)).nodes.at(-1)?.action ?? [];
    };
    await page.getByText("Every channel by hand", { exact: true }).click();
    await page.getByRole("slider", { name: "mouse x" }).fill(String(CSGO_MOUSE_X.indexOf(-30)));
    expect(await stepped()).toEqual([...csgoAction({ mouseX: -30 })]);
    await page.keyboard.down("KeyW"); // sliders leave keys to the world that do not move them
    expect(await stepped()).toEqual([...csgoAction({ mouseX: -30, keys: ["w"] })]);
    await page.keyboard.up("KeyW");
    await button(page, "All to rest").click();
    expect(await stepped()).toEqual([...csgoStillAction()]);
  });

  test("is played by a gamepad", async () => {
    const page = await visitor.openPage();
    await page.evaluate(`
    const button = (value) => ({ value, pressed: value > 0.5, touched: value > 0 });
    window.pad = { connected: true, axes: [0, 0, 0, 0], buttons: Array.from({ length: 17 }, () => button(0)) };
    navigator.getGamepads = () => [window.pad];
    window.press = (i, value) => (window.pad.buttons[i] = button(value));
  `);
    await begin(page);
    await page.evaluate("press(9, 1)"); // start
    await untilFrame(page, 6);
    await page.evaluate("press(9, 0)"); // long before it is pressed again: what is let go between two looks was never let go
    await page.evaluate("window.pad.axes[1] = -1; press(0, 1)");
    await untilFrame(page, (await frameOf(page)) + 8);
    await page.evaluate("window.pad.axes[1] = 0; press(0, 0)");
    await page.evaluate("press(9, 1)");
    await button(page, "Play").first().waitFor();
    const acted = (await visitor.described(page)).nodes.filter(({ action }) => action?.[0] === 1 && action[4] === 1);
    expect(acted.length).toBeGreaterThanOrEqual(5);
  });

  test("a key that is held plays and pauses once", async () => {
    const page = await visitor.openPage();
    await begin(page);
    for (let repeat = 0; repeat < 4; repeat++) await page.keyboard.down("KeyP"); // all but the first are repeats
    await page.keyboard.up("KeyP");
    await untilFrame(page, 6);
    expect((await visitor.described(page)).state.phase).toBe("playing");
  });

  test("a file that misses the gallery does not take the page's place", async () => {
    const page = await visitor.openPage();
    await begin(page);
    const prevented = await page.evaluate<boolean[]>(`
      ["dragover", "drop"].map((type) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["x"], "mine.png", { type: "image/png" }));
        return !document.querySelector("main").dispatchEvent(
          new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }),
        );
      })
    `);
    expect(prevented).toEqual([true, true]);
  });

  test("is played where the browser stores nothing", async () => {
    const forbid = `
      for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
    `;
    const page = await visitor.prepared(async (tab) => void (await tab.addInitScript(forbid)));
    await begin(page);
    await playButton(page).click();
    await untilFrame(page, 6);
  });

  test("is played with fingers on a phone, and fits its width", async () => {
    const page = await visitor.openPage({}, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
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
    const { nodes } = await visitor.described(page);
    expect(nodes.filter(({ action }) => action?.[0] === 1).length).toBeGreaterThanOrEqual(5);
    expect(nodes.filter(({ action }) => action?.[4] === 1).length).toBeGreaterThanOrEqual(1);
    expect(await namelessIn(page)).toEqual([]);
    const width = await page.evaluate<number>("document.documentElement.scrollWidth");
    expect(width).toBeLessThanOrEqual(390);

    // On its side, picture and controls are seen at once, and no control covers another.
    await page.setViewportSize({ width: 844, height: 390 });
    const boxes = [".picture", ".pad >> nth=0", ".pad >> nth=1", ".push >> nth=0", ".play-button", ".scrub"].map(
      async (selector) => (await page.locator(selector).boundingBox()) ?? { x: -1, y: -1, width: 0, height: 0 },
    );
    for (const [i, box] of (await Promise.all(boxes)).entries()) {
      expect([box.y >= 36, box.y + box.height <= 390, box.x >= 0, box.x + box.width <= 844]).not.toContain(false);
      for (const other of (await Promise.all(boxes)).slice(i + 1)) {
        const isBeside = box.x + box.width <= other.x || other.x + other.width <= box.x;
        expect(isBeside || box.y + box.height <= other.y || other.y + other.height <= box.y).toBe(true);
      }
    }
  });

  test("can be used by keyboard alone, and everything in it has a name", async () => {
    const page = await visitor.openPage();
    await page.getByRole("button", { name: /A coloured floor/ }).waitFor();
    await page.keyboard.press("Tab");
    for (let i = 0; i < 6 && !(await page.evaluate<boolean>("document.activeElement.classList.contains('card')")); i++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await playButton(page).waitFor();
    expect(await page.evaluate<string>("document.activeElement.role")).toBe("application"); // keys go to the world
    await playButton(page).focus();
    await page.keyboard.press("Space"); // the button's, not the world's
    await untilFrame(page, 6);
    await page.keyboard.press("Space");
    await button(page, "Play").first().waitFor();
    expect(await namelessIn(page)).toEqual([]);
    await page.keyboard.press("Tab");
    await button(page, "Help").press("Enter");
    await page.getByRole("heading", { name: "How to play" }).waitFor();
    await button(page, "Close").click();
    await page.getByRole("heading", { name: "How to play" }).waitFor({ state: "hidden" });
  });

  test("where Ctrl plays, Ctrl+W stays with the world in full screen, and is asked about elsewhere", async () => {
    const page = await visitor.prepared(async (tab) => {
      await tab.addInitScript(`
        window.locked = [];
        const keyboard = { lock: async (codes) => void (window.locked = codes), unlock: () => (window.locked = []) };
        Object.defineProperty(navigator, "keyboard", { value: keyboard });
      `);
      await tab.route("**/api/v1/world", async (route) => {
        const text = await (await route.fetch()).text();
        await route.fulfill({ contentType: "application/json", body: text.replace('"KeyE"', '"ControlLeft"') });
      });
    });
    await begin(page);
    await page.keyboard.press("KeyF");
    await until(async () => (await page.evaluate<string[]>("window.locked")).includes("ControlLeft"));
    await page.keyboard.press("KeyF");
    await until(async () => (await page.evaluate<string[]>("window.locked")).length === 0);

    const asked: string[] = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await page.keyboard.down("ControlLeft");
    await page.close({ runBeforeUnload: true });
    await until(() => Promise.resolve(asked.length > 0));
    expect(asked).toEqual(["beforeunload"]);
    await page.keyboard.up("ControlLeft");
  });
});
