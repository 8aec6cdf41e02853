// The page on a real server, with the toy engine behind it; and a browser to open it in.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Channel } from "@vid2world/world/data/action-space";
import type { Gallery } from "@vid2world/world/serving/server/gallery/gallery";
import { type RunningServer, type ServerOptions, startServer } from "@vid2world/world/serving/server/start-server";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { root } from "../imports.js";
import { type ToyEngine, toyEngine, toyStart, toyTruth } from "./toy-engine.js";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

/** Why no browser test can run here; undefined: they can. */
export const noBrowser =
  CHROMIUM === undefined ? "no Chromium on this machine (Debian: apt install chromium)" : undefined;

/** Starts the browser. */
export function launch(): Promise<Browser> {
  const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
  const args = ["--headless", "--no-sandbox", "--disable-gpu", ...quiet, "--disable-sync"];
  return chromium.launch({ executablePath: CHROMIUM ?? "", args });
}

/** Builds the page into a new folder; returns it and how to remove it. */
export async function buildPage(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-page-"));
  const player = join(root, "packages/player");
  await build({ root: player, logLevel: "silent", build: { outDir: folder, emptyOutDir: true } });
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** A server of a test. */
export interface PageServer extends RunningServer {
  readonly engine: ToyEngine;
}

/** True frames that follow the toy's start. */
const TRUTH = 30;

const gallery: Gallery = {
  entries: [
    { id: "floor", title: "A coloured floor", truthFrames: TRUTH },
    { id: "again", title: "The same floor, without what really happened", truthFrames: 0 },
  ],
  start: () => Promise.resolve(toyStart()),
  truth: (_id, frame) => Promise.resolve(toyTruth(frame)),
};

/** What a server of a test may have otherwise. */
export interface PageOptions extends Partial<ServerOptions> {
  /** The world's channels; by default the toy's own, those of the built-in world. */
  readonly channels?: readonly Channel[];
}

/** Serves the page in `folder`. */
export async function servePage(folder: string, { channels, ...options }: PageOptions = {}): Promise<PageServer> {
  const engine = toyEngine(channels);
  const server = await startServer({ engine, gallery, page: folder, ...options });
  return { ...server, engine };
}
