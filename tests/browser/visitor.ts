// Somebody with a browser: pages on servers of their own, and what tests do with every page. For `describe` blocks of browser tests.
/// <reference lib="dom" />
import type { SessionNode, SessionState } from "@vid2world/world/serving/protocol/messages";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type PageOptions, type PageServer, buildPage, launch, noBrowser, servePage } from "./page-server.js";

/** Milliseconds that anything may take: long, as only a failure takes that long. */
const WAIT = 20_000;

/** How a page is opened. */
export interface View extends BrowserContextOptions {
  /** Path and query; by default sessions wait for somebody to press Play. */
  readonly path?: string;
}

/** A session as its server describes it. */
export interface Described {
  readonly nodes: readonly SessionNode[];
  readonly state: SessionState;
}

/** A browser for the tests of a file, with one server at a time. */
export interface Visitor {
  /** The server of the test. */
  readonly server: PageServer;
  /** Starts the server of the test and opens its page. */
  openPage(options?: PageOptions, view?: View): Promise<Page>;
  /** Starts the server of the test; `prepare` sees the page before it is loaded. */
  prepared(prepare: (page: Page) => Promise<void>, view?: View): Promise<Page>;
  /** Opens the page of the test's server once more, as somebody else. */
  visit(view?: View): Promise<Page>;
  /** The session that a page is in. */
  described(page: Page): Promise<Described>;
  /** Plays from what is shown to a frame, and pauses. Returns how the session stands. */
  playTo(page: Page, frame: number): Promise<Described>;
}

/** Registers what is done before and after the tests of a file. */
export function browserVisitor(): Visitor {
  let browser: Browser;
  let site: { folder: string; remove: () => Promise<void> };
  let server: PageServer | undefined;
  /** What went wrong in pages without a test looking for it. */
  const faults: string[] = [];

  beforeAll(async () => {
    if (noBrowser === undefined) [site, browser] = await Promise.all([buildPage(), launch()]);
  });
  afterAll(async () => {
    if (noBrowser !== undefined) return;
    await browser.close();
    await site.remove();
  });
  afterEach(async () => {
    if (noBrowser !== undefined) return;
    await Promise.all(browser.contexts().map((context) => context.close()));
    await server?.close();
    expect(faults.splice(0)).toEqual([]);
  });

  async function load({ path = "/?paused", ...view }: View, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const usual = { viewport: { width: 1280, height: 800 }, acceptDownloads: true };
    const page = await (await browser.newContext({ ...usual, ...view })).newPage();
    page.setDefaultTimeout(WAIT);
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      // What the content security policy forbids is told here too. Refused requests are what some tests are about.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        faults.push(message.text());
    });
    await prepare?.(page);
    await page.goto(`${visitor.server.address}${path}`);
    return page;
  }

  const visitor: Visitor = {
    get server() {
      if (server === undefined) throw new Error("no server was started");
      return server;
    },
    async openPage(options = {}, view = {}) {
      server = await servePage(site.folder, options);
      return load(view);
    },
    async prepared(prepare, view = {}) {
      server = await servePage(site.folder);
      return load(view, prepare);
    },
    visit: (view = {}) => load(view),
    async described(page) {
      const stored = await page.evaluate<string>("sessionStorage.getItem('vid2world.session')");
      const { session, key } = JSON.parse(stored) as { session: string; key: string };
      const url = `${visitor.server.address}/api/v1/sessions/${session}`;
      const answer = await page.request.get(url, { headers: { "x-session-key": key } }); // with the page's cookies
      return (await answer.json()) as Described;
    },
    async playTo(page, frame) {
      await playButton(page).click();
      await untilFrame(page, frame);
      await playButton(page).click();
      let found: Described | undefined;
      await until(async () => {
        found = await visitor.described(page);
        const { state, nodes } = found;
        return state.phase === "paused" && (await frameOf(page)) === nodes[state.node]?.frame;
      });
      if (found === undefined) throw new Error("the session was not described");
      return found;
    },
  };
  return visitor;
}

/** A button by its name. */
export const button = (page: Page, name: string | RegExp): Locator => page.getByRole("button", { name, exact: true });

/** The button that plays and pauses. */
export const playButton = (page: Page): Locator => page.locator(".play-button");

/** Where the page says it is: `frame 3 of 7, 0.4 s`. While it plays, that is a few frames behind. */
export const wordsOf = (page: Page): Promise<string> => page.locator("#frame-words").innerText();

/** The frame that the page says it shows. */
export const frameOf = async (page: Page): Promise<number> => Number(/^frame (\d+)/.exec(await wordsOf(page))?.[1]);

/** Begins at a start and waits for its newest frame. */
export async function begin(page: Page, title = /A coloured floor/): Promise<void> {
  await page.getByRole("button", { name: title }).click();
  await playButton(page).waitFor();
  await until(async () => (await frameOf(page)) === 3);
}

/** Waits until something is so, looking often. The page's policy forbids what `waitForFunction` does. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("it did not come to be so in time");
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Waits until the page shows a frame, or a later one. */
export const untilFrame = (page: Page, frame: number): Promise<void> =>
  until(async () => (await frameOf(page)) >= frame);

/** Drags the timeline to a frame. */
export async function scrubTo(page: Page, frame: number): Promise<void> {
  await page.getByRole("slider", { name: "Frame", exact: true }).fill(String(frame));
  await until(async () => (await frameOf(page)) === frame);
}

/** The canvas that is played on, and the one beside it. */
export const STAGE = ".picture[role=application] canvas";
export const OTHER = ".picture.other canvas";

/** What a canvas shows, as text. */
export const look = (page: Page, selector: string): Promise<string> =>
  page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).toDataURL()`);
