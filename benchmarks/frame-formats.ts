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
  /** Medians, milliseconds; the browser's time is from the bytes to the canvas. */
  readonly packMs: number;
  readonly browserMs: number;
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
/** Runs of a stream's encoder, of which the shortest counts. */
const RUNS = 4;
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
    const context = document.createElement("canvas").getContext("2d", { alpha: false });
    const times: number[] = [];
    for (const text of texts) {
      const blob = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
      const begun = performance.now();
      const bitmap = await createImageBitmap(blob);
      context?.drawImage(bitmap, 0, 0);
      context?.getImageData(0, 0, 1, 1); // drawing is put off until somebody looks
      times.push(performance.now() - begun);
      bitmap.close();
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

/**
 * H.264 as a live stream, by ffmpeg's libx264 and the browser's WebCodecs. The time to pack a frame is what nine tenths of a longer stream add, so that
 * starting ffmpeg does not count.
 */
async function streamCost(crf: number, frames: readonly Frame[], page: Page): Promise<FormatCost> {
  const { width = 0, height = 0 } = frames[0] ?? {};
  const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`];
  const x264 = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-threads", "1", "-crf", `${crf}`];
  const encode = (pixels: Uint8Array): Promise<Buffer> =>
    ffmpeg(pixels, [...raw, "-i", "pipe:0", ...x264, "-x264-params", "aud=1", "-pix_fmt", "yuv420p", "-f", "h264", "pipe:1"]); // prettier-ignore
  const all = Buffer.concat(frames.map(({ pixels }) => pixels));
  const repeated = Buffer.concat(Array.from({ length: 10 }, () => all));
  const [short, long]: [number[], number[]] = [[], []];
  for (let i = 0; i < RUNS; i++) {
    for (const [pixels, times] of [
      [all, short],
      [repeated, long],
    ] as const) {
      const begun = performance.now();
      await encode(pixels);
      times.push(performance.now() - begun);
    }
  }
  const packMs = (Math.min(...long) - Math.min(...short)) / (9 * frames.length);
  const stream = await encode(all);
  const back = await ffmpeg(stream, ["-f", "h264", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
  const browserMs = median(await unpackingTimes(pictureUnits(stream), page));
  const format = `H.264 4:2:0 crf ${crf}`;
  return { format, packMs, browserMs, bytes: stream.length / frames.length, psnr: psnr(all, back) };
}

/** A stream with access unit delimiters, cut at them: one piece per picture. */
function pictureUnits(stream: Buffer): Buffer[] {
  const delimiter = Buffer.from([0, 0, 0, 1, 9]);
  const units: Buffer[] = [];
  for (let begin = stream.indexOf(delimiter); begin >= 0;) {
    const end = stream.indexOf(delimiter, begin + 1);
    units.push(stream.subarray(begin, end < 0 ? undefined : end));
    begin = end;
  }
  return units;
}

/** Milliseconds from the bytes of each picture to the canvas. A decoder that works for low latency gives each before the next comes. */
const unpackingTimes = (units: readonly Buffer[], page: Page): Promise<number[]> =>
  page.evaluate(
    async (texts) => {
      const context = document.createElement("canvas").getContext("2d", { alpha: false });
      let show: (frame: VideoFrame) => void = () => undefined;
      let fail: (error: Error) => void = () => undefined;
      const decoder = new VideoDecoder({ output: (frame) => show(frame), error: (error) => fail(error) });
      decoder.configure({ codec: "avc1.64001f", optimizeForLatency: true });
      const times: number[] = [];
      for (const [i, text] of texts.entries()) {
        const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const begun = performance.now();
        const frame = await new Promise<VideoFrame>((resolve, reject) => {
          [show, fail] = [resolve, reject];
          decoder.decode(new EncodedVideoChunk({ type: i === 0 ? "key" : "delta", timestamp: i, data }));
        });
        context?.drawImage(frame, 0, 0);
        context?.getImageData(0, 0, 1, 1);
        times.push(performance.now() - begun);
        frame.close();
      }
      decoder.close();
      return times;
    },
    units.map((unit) => unit.toString("base64")),
  );

/** Every format on the same frames. `page` is any open page of the browser that unpacks. */
export async function formatCosts(address: string, page: Page): Promise<FormatCost[]> {
  const frames = await recordedFrames(address);
  const costs: FormatCost[] = [];
  for (const [format, pack] of Object.entries(PICTURES)) costs.push(await pictureCost(format, pack, frames, page));
  for (const crf of [18, 23]) costs.push(await streamCost(crf, frames, page));
  return costs;
}

/** The costs as a table. */
export function showFormats(costs: readonly FormatCost[]): string {
  const rows = costs.map(({ format, packMs, browserMs, bytes, psnr }) => [
    format,
    packMs.toFixed(2),
    browserMs.toFixed(2),
    (bytes / 1000).toFixed(1),
    psnr.toFixed(1),
  ]);
  return textTable([["format", "pack, ms", "browser, ms", "kB", "PSNR, dB"], ...rows]);
}
