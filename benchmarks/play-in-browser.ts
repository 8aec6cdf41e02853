// Measures play as a person meets it: `vid2world play` in a process of its own, the page in Chromium, keys pressed at random times, and
// what the page's own latency strip then says; and what the page costs before that. With --formats also what a frame costs as JPEG, WebP and H.264; --presses 0 leaves out the rest.
// Usage: npm run build -w packages/player && npx tsc -p benchmarks && node benchmarks/dist/play-in-browser.js [WORLD]
//   [--presses 60] [--formats] [--screenshot FILE] [--out FILE]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { writeFileAtomically } from "@vid2world/formats";
import { chromium, type Page } from "playwright-core";
import { formatCosts, showFormats } from "./frame-formats.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    presses: { type: "string", default: "60" },
    formats: { type: "boolean", default: false },
    screenshot: { type: "string" },
    out: { type: "string" },
  },
});
const root = resolve(import.meta.dirname, "../..");

/** Starts `vid2world play` and waits for its address. */
async function startPlaying(world: string): Promise<{ address: string; stop: () => Promise<void> }> {
  const main = resolve(root, "packages/cli/dist/src/main.js");
  const child = spawn(process.execPath, [main, "play", "--model", world, "--no-open", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { OMP_WAIT_POLICY: "PASSIVE", ...process.env },
  });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/\S+/.exec(line)?.[0];
    if (address === undefined) continue;
    return {
      address,
      stop: async () => {
        child.kill("SIGTERM");
        await ended;
      },
    };
  }
  throw new Error("vid2world play ended before it said its address");
}

/** The numbers of the latency strip, by their names. */
async function readStrip(page: Page): Promise<Record<string, string>> {
  const items = await page.locator(".latency li").allInnerTexts();
  return Object.fromEntries(
    items.flatMap((text): (readonly [string, string])[] => {
      const [, p50, p95] = /^key to frame p50 (\S+) p95 (\S+) ms$/.exec(text.trim()) ?? [];
      if (p50 !== undefined) return [["key to frame", `${p50} / ${p95 ?? ""} ms`]];
      const [, before = "", value = "", after] = /^(?:([a-z]+) )?([\d.–]+)(?: (fps))?$/.exec(text.trim()) ?? [];
      const name = after ?? before;
      return name === "" ? [] : [[name, name === "fps" || name === "dropped" ? value : `${value} ms`]];
    }),
  );
}

/** Opens the gallery: what came over the line, as browsers that unpack it get it, and when the first picture of it was there. */
async function openGallery(page: Page, address: string): Promise<{ kilobytes: number; firstPaintMs: number }> {
  const sizes: Promise<number>[] = [];
  page.on("response", (response) => {
    if (/\.(html|js|css|svg)$|\/(\?.*)?$/.test(response.url())) sizes.push(response.body().then((body) => gzipSync(body).length)); // prettier-ignore
  });
  await page.goto(`${address}/?paused`);
  await page.locator(".card").first().waitFor();
  const paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
  const firstPaintMs = Math.round(await page.evaluate<number>(paint));
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  return { kilobytes: Math.round(bytes / 100) / 10, firstPaintMs };
}

const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));
const KEYS = ["KeyW", "ArrowLeft", "ArrowRight", "KeyS"] as const;

/** Presses keys at random times, each held for about two frames, and returns what the page measured. */
async function measureLatency(page: Page, presses: number, frameMs: number): Promise<Record<string, string>> {
  await page.locator(".play-button").click();
  await wait(20 * frameMs); // the first frames find cold caches
  for (let i = 0; i < presses; i++) {
    const key = KEYS[i % KEYS.length] ?? "KeyW";
    await page.keyboard.down(key);
    await wait(2 * frameMs * (0.75 + Math.random()));
    await page.keyboard.up(key);
    await wait(2 * frameMs * (0.75 + Math.random()));
  }
  await wait(600); // the strip is read twice a second
  const strip = await readStrip(page);
  if (values.screenshot !== undefined) await page.screenshot({ path: values.screenshot });
  await page.locator(".play-button").click();
  return strip;
}

const world = positionals[0] ?? "doom";
const server = await startPlaying(world);
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
  const gallery = await openGallery(page, server.address);
  const described = (await (await fetch(`${server.address}/api/v1/world`)).json()) as { fps: number; name: string };
  await page.locator(".card").first().click();
  await page.locator(".play-button").waitFor();
  await wait(500);
  const frameMs = 1000 / described.fps;
  const presses = Number(values.presses);
  const latency = presses === 0 ? {} : await measureLatency(page, presses, frameMs);
  const median = Number(/^[\d.]+/.exec(latency["key to frame"] ?? "")?.[0]);
  const formats = values.formats ? await formatCosts(server.address, page) : undefined;
  const report = {
    ...{ world: described.name, processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version },
    ...{ browser: browser.version(), page: gallery, presses, frameMs, latency },
    ...{ keyToFrameInFrames: median / frameMs, ...(formats && { formats }) },
  };
  console.log(`${report.world}, ${report.cores} x ${report.processor ?? "?"}, Chromium ${report.browser}`);
  console.log(`the page: ${gallery.kilobytes} kB packed, first paint after ${gallery.firstPaintMs} ms`);
  if (presses > 0) console.table([latency]);
  if (presses > 0)
    console.log(`key to frame, median: ${(median / frameMs).toFixed(2)} frame times of ${frameMs.toFixed(0)} ms`);
  if (formats) console.log(showFormats(formats));
  if (values.out !== undefined) await writeFileAtomically(resolve(values.out), JSON.stringify(report, undefined, 2));
} finally {
  await browser.close();
  await server.stop();
}
