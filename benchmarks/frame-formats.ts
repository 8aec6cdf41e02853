// What a frame costs in each format it could travel in: time to pack and unpack, bytes, and what is lost.
/// <reference lib="dom" />
import { spawn } from "node:child_process";
import { once } from "node:events";
import { textTable } from "@vid2world/formats/text-table";
import type { Page } from "playwright-core";
import sharp, { type Sharp } from "sharp";

/** One format over all frames. */
export interface FormatCost {
  readonly format: string;
  /** Medians, milliseconds; the browser's time is that of `createImageBitmap`. */
  readonly packMs: number;
  readonly browserMs?: number;
  /** Mean bytes per frame. */
  readonly bytes: number;
  /** Against the frame itself, dB, mean. */
  readonly psnr: number;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const FRAMES = 48;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** True frames of the recording behind the first start of the server at `address`: sharper than any world's own, so the harder case. */
async function recordedFrames(address: string): Promise<Frame[]> {
  const api = `${address}/api/v1`;
  const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const answer = await fetch(`${api}${path}`, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (answer.headers.get("content-type")?.includes("json") ? answer.json() : answer.arrayBuffer()) as Promise<T>;
  };
  const { width, height } = await ask<{ width: number; height: number }>("/world");
  const { starts } = await ask<{ starts: { id: string }[] }>("/starts");
  const opening = JSON.stringify({ start: { kind: "gallery", id: starts[0]?.id }, seed: 1 });
  const headers = { "content-type": "application/json" };
  const opened = await ask<{ session: string; key: string; truthFrames: number }>("/sessions", {
    ...{ method: "POST", headers, body: opening },
  });
  const own = { headers: { "x-session-key": opened.key } };
  const frames: Frame[] = [];
  for (let frame = 0; frame < Math.min(FRAMES, opened.truthFrames); frame++) {
    const bytes = await ask<ArrayBuffer>(`/sessions/${opened.session}/truth/${frame}?format=rgb`, own);
    frames.push({ width, height, pixels: new Uint8Array(bytes) });
  }
  await fetch(`${api}/sessions/${opened.session}`, { method: "DELETE", ...own });
  return frames;
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}

type Packing = (image: Sharp) => Sharp;
const PICTURES: Readonly<Record<string, Packing>> = {
  "JPEG q75 4:2:0": (image) => image.jpeg({ quality: 75 }),
  "JPEG q88 4:4:4": (image) => image.jpeg({ quality: 88, chromaSubsampling: "4:4:4" }),
  "JPEG q94 4:4:4": (image) => image.jpeg({ quality: 94, chromaSubsampling: "4:4:4" }),
  "WebP q80": (image) => image.webp({ quality: 80, effort: 1 }),
  "WebP q88": (image) => image.webp({ quality: 88, effort: 1 }),
  "WebP lossless": (image) => image.webp({ lossless: true, effort: 0 }),
};

async function pictureCost(format: string, pack: Packing, frames: readonly Frame[], page: Page): Promise<FormatCost> {
  const [times, sizes, losses, packed]: [number[], number[], number[], string[]] = [[], [], [], []];
  for (const { width, height, pixels } of frames) {
    const begun = performance.now();
    const bytes = await pack(sharp(pixels, { raw: { width, height, channels: 3 } })).toBuffer();
    times.push(performance.now() - begun);
    sizes.push(bytes.length);
    losses.push(Math.min(99, psnr(pixels, await sharp(bytes).removeAlpha().raw().toBuffer())));
    packed.push(bytes.toString("base64"));
  }
  const browserTimes = await page.evaluate(async (texts) => {
    const times: number[] = [];
    for (const text of texts) {
      const blob = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
      const begun = performance.now();
      (await createImageBitmap(blob)).close();
      times.push(performance.now() - begun);
    }
    return times;
  }, packed);
  const costs = { packMs: median(times), browserMs: median(browserTimes) };
  return { format, ...costs, bytes: mean(sizes), psnr: mean(losses) };
}

/** Runs ffmpeg on bytes. */
async function ffmpeg(input: Uint8Array, args: readonly string[]): Promise<Buffer> {
  const child = spawn("ffmpeg", ["-loglevel", "error", ...args], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(input);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return Buffer.concat(chunks);
}

/** H.264 as a live stream, by ffmpeg's libx264. The time per frame is what nine tenths of a longer stream add, so that starting ffmpeg does not count. */
async function streamCost(crf: number, frames: readonly Frame[]): Promise<FormatCost> {
  const { width = 0, height = 0 } = frames[0] ?? {};
  const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`];
  const x264 = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-threads", "1", "-crf", `${crf}`];
  const encode = (pixels: Uint8Array): Promise<Buffer> =>
    ffmpeg(pixels, [...raw, "-i", "pipe:0", ...x264, "-pix_fmt", "yuv420p", "-f", "h264", "pipe:1"]);
  const all = Buffer.concat(frames.map(({ pixels }) => pixels));
  const repeated = Buffer.concat(Array.from({ length: 10 }, () => all));
  const begun = performance.now();
  const stream = await encode(all);
  const startUp = performance.now() - begun;
  const begunAgain = performance.now();
  await encode(repeated);
  const packMs = (performance.now() - begunAgain - startUp) / (9 * frames.length);
  const back = await ffmpeg(stream, ["-f", "h264", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
  return { format: `H.264 4:2:0 crf ${crf}`, packMs, bytes: stream.length / frames.length, psnr: psnr(all, back) };
}

/** Every format on the same frames. `page` is any open page of the browser that unpacks. */
export async function formatCosts(address: string, page: Page): Promise<FormatCost[]> {
  const frames = await recordedFrames(address);
  const costs: FormatCost[] = [];
  for (const [format, pack] of Object.entries(PICTURES)) costs.push(await pictureCost(format, pack, frames, page));
  for (const crf of [18, 23]) costs.push(await streamCost(crf, frames));
  return costs;
}

/** The costs as a table. */
export function showFormats(costs: readonly FormatCost[]): string {
  const rows = costs.map(({ format, packMs, browserMs, bytes, psnr }) => [
    format,
    packMs.toFixed(2),
    browserMs?.toFixed(2) ?? "",
    (bytes / 1000).toFixed(1),
    psnr.toFixed(1),
  ]);
  return textTable([["format", "pack, ms", "browser, ms", "kB", "PSNR, dB"], ...rows]);
}
