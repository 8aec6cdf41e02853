// What tests do with the page in a browser that playwright-core cannot drive.
/// <reference lib="dom" />
import type { DrivenBrowser } from "./driven-browser.js";
import type { PageServer } from "./page-server.js";
import { type Described, until } from "./visitor.js";

/** The page of a server, in a browser. */
export interface DrivenPage {
  /** Opens it, or opens it again: sessions wait for somebody to press Play. */
  open(): Promise<void>;
  press(key: string): Promise<void>;
  release(key: string): Promise<void>;
  /** With the mouse, in the middle of an element that may still be to come. */
  click(selector: string): Promise<void>;
  /** Gives a field a value and says so with an event. */
  set(selector: string, value: string, event: "input" | "change"): Promise<void>;
  /** Where it says it is: `frame 3 of 7, 0.4 s`. */
  words(): Promise<string>;
  untilFrame(holds: (frame: number) => boolean): Promise<void>;
  /** What a canvas shows, as text; empty where there is none. */
  look(selector: string): Promise<string>;
  /** The session, as its server has it. */
  described(): Promise<Described>;
  /** What went wrong since it was opened. */
  faults(): Promise<string[]>;
  /** The type of the file saved last, and what its first bytes say it is. */
  saved(): Promise<{ readonly type: string; readonly begins: string } | undefined>;
}

/** Collects what goes wrong, and files that are saved. */
const WATCH = `(() => {
  window.faults = [];
  window.files = [];
  addEventListener("error", ({ message }) => faults.push(message));
  addEventListener("unhandledrejection", ({ reason }) => faults.push(String(reason)));
  addEventListener("securitypolicyviolation", ({ violatedDirective }) => faults.push(violatedDirective));
  const make = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (file) => (files.push(file), make(file));
})()`;

const SAVED = `(async () => {
  const file = files.at(-1);
  if (file === undefined) return null;
  const bytes = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  const [text, number] = [String.fromCharCode(...bytes.subarray(4)), new DataView(bytes.buffer).getUint32(0)];
  return { type: file.type, begins: text === "ftyp" ? "video/mp4" : number === 0x1a45dfa3 ? "video/webm" : "" };
})()`;

/** The page of `server`, not opened yet. */
export function drivenPage(browser: DrivenBrowser, server: PageServer): DrivenPage {
  const find = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})`;
  const keys = (type: "keyDown" | "keyUp", value: string): Promise<void> =>
    browser.perform({ type: "key", id: "keys", actions: [{ type, value }] });
  const page: DrivenPage = {
    async open() {
      await browser.open(`${server.address}/?paused`);
      await browser.evaluate(WATCH);
    },
    press: (key) => keys("keyDown", key),
    release: (key) => keys("keyUp", key),
    async click(selector) {
      await until(() => browser.evaluate<boolean>(`${find(selector)} !== null`));
      const place = await browser.evaluate<{ x: number; y: number }>(`(() => {
        ${find(selector)}.scrollIntoView({ block: "nearest" });
        const { x, y, width, height } = ${find(selector)}.getBoundingClientRect();
        return { x: Math.round(x + width / 2), y: Math.round(y + height / 2) };
      })()`);
      const press = [{ type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }]; // prettier-ignore
      await browser.perform({ type: "pointer", id: "mouse", actions: [{ type: "pointerMove", ...place }, ...press] });
    },
    set: (selector, value, event) =>
      browser.evaluate(`(() => {
        ${find(selector)}.value = ${JSON.stringify(value)};
        ${find(selector)}.dispatchEvent(new Event("${event}", { bubbles: true }));
      })()`),
    words: () => browser.evaluate<string>(`${find("#frame-words")}?.innerText ?? ""`),
    untilFrame: (holds) => until(async () => holds(Number(/^frame (\d+)/.exec(await page.words())?.[1]))),
    look: (selector) => browser.evaluate<string>(`${find(selector)}?.toDataURL() ?? ""`),
    async described() {
      const stored = "JSON.parse(sessionStorage.getItem('vid2world.session'))";
      const { session, key } = await browser.evaluate<{ session: string; key: string }>(stored);
      const answer = await fetch(`${server.address}/api/v1/sessions/${session}`, { headers: { "x-session-key": key } });
      return (await answer.json()) as Described;
    },
    faults: () => browser.evaluate<string[]>("faults"),
    saved: async () => (await browser.evaluate<{ type: string; begins: string } | null>(SAVED)) ?? undefined,
  };
  return page;
}
