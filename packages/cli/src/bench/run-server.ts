// Players over WebSocket against a server with an engine in a process of its own, all on this machine: what each of them gets to see.
import { cpus } from "node:os";
import { textTable } from "@vid2world/formats/text-table";
import { libtorchVersion } from "@vid2world/torch";
import { openRecording } from "@vid2world/world/data/recording";
import { findWorld } from "@vid2world/world";
import { connectPlay } from "@vid2world/world/serving/connect-play";
import { engineProcess } from "@vid2world/world/serving/engine-process";
import { recordingGallery } from "@vid2world/world/serving/server/gallery/recording-gallery";
import { startServer } from "@vid2world/world/serving/server/start-server";
import { type Circumstances, circumstances } from "./circumstances.js";
import { recordingsOf } from "../commands/demo.js";

/** What is measured. */
export interface ServerBenchOptions {
  readonly model: string;
  readonly players: readonly number[];
  readonly seconds: number;
  readonly onProgress: (text: string) => void;
}

/** Figures of one number of players. */
export interface ServerFigures {
  readonly players: number;
  /** Of all players together, and of the slowest. */
  readonly framesPerSecond: number;
  readonly slowestFramesPerSecond: number;
  /** Milliseconds between frames at a player. */
  readonly interval: Quantiles;
  /** Milliseconds from an action's receipt at the server to its frame's sending. */
  readonly sinceAction: Quantiles;
  /** Mean frames of a pass. */
  readonly batch: number;
  readonly engineBytes: number;
  readonly serverBytes: number;
}

/** Of a distribution. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

interface Seen {
  readonly at: number;
  readonly sinceAction: number;
  readonly batch: number;
}

/** Figures for each number of players. */
export interface ServerBench extends Circumstances {
  readonly benchmark: "server";
  readonly model: string;
  readonly seconds: number;
  readonly figures: readonly ServerFigures[];
}

/** Measures each number of players in turn. */
export async function runServer(options: ServerBenchOptions): Promise<ServerBench> {
  const { model, players, seconds, onProgress } = options;
  const engine = await engineProcess({ world: await findWorld(model) });
  const gallery = recordingGallery(await openRecording(await recordingsOf(model)), engine.world);
  const limits = { sessions: Math.max(...players), connectionsPerAddress: 1000 };
  const server = await startServer({ engine, gallery, limits });
  const figures: ServerFigures[] = [];
  try {
    for (const count of players) {
      const started = performance.now();
      const seen = await Promise.all(Array.from({ length: count }, (_, i) => play(server.address, gallery.entries[0]?.id ?? "", i, seconds))); // prettier-ignore
      const { residentBytes } = await engine.load();
      figures.push(figuresOf(seen, seconds, residentBytes));
      onProgress(`${count} players: ${((performance.now() - started) / 1000).toFixed(0)} s`);
    }
  } finally {
    await server.close();
    await engine.shutdown();
  }
  return {
    benchmark: "server",
    ...circumstances(cpus().length, { libtorch: libtorchVersion }),
    model,
    seconds,
    figures,
  };
}

/** One player who holds a key, and shows each frame as it comes: what he saw. */
async function play(address: string, id: string, seed: number, seconds: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  const player = await connectPlay(address, {
    frame: ({ timings: { sinceAction }, batch }, at) => {
      seen.push({ at, sinceAction, batch });
      player.tell({ type: "action", action: {}, sequence: seen.length });
    },
  });
  await player.request({ type: "open", protocol: 1, start: { kind: "gallery", id }, seed });
  player.tell({ type: "action", action: {}, sequence: 0 });
  await player.request({ type: "play" });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await player.request({ type: "close" });
  player.end();
  return seen;
}

function figuresOf(seen: readonly Seen[][], seconds: number, engineBytes: number): ServerFigures {
  const all = seen.flat();
  const intervals = seen.flatMap((frames) => frames.slice(1).map(({ at }, i) => at - (frames[i]?.at ?? at)));
  return {
    players: seen.length,
    framesPerSecond: all.length / seconds,
    slowestFramesPerSecond: Math.min(...seen.map((frames) => frames.length)) / seconds,
    interval: quantiles(intervals),
    sinceAction: quantiles(all.map(({ sinceAction }) => sinceAction)),
    batch: all.reduce((sum, { batch }) => sum + batch, 0) / Math.max(1, all.length),
    engineBytes,
    serverBytes: process.memoryUsage.rss(),
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** The figures as a table. */
export function showServer({ figures }: ServerBench): string {
  const milliseconds = ({ p50, p95, p99 }: Quantiles): string => [p50, p95, p99].map((ms) => ms.toFixed(0)).join(" / ");
  const rows = figures.map((one) => [
    String(one.players),
    one.framesPerSecond.toFixed(1),
    one.slowestFramesPerSecond.toFixed(2),
    milliseconds(one.interval),
    milliseconds(one.sinceAction),
    one.batch.toFixed(1),
    `${(one.engineBytes / 2 ** 20).toFixed(0)} + ${(one.serverBytes / 2 ** 20).toFixed(0)} MB`,
  ]);
  const head = ["players", "frames/s", "slowest", "interval ms 50/95/99 %", "since action ms", "batch", "memory"];
  return textTable([head, ...rows]);
}
