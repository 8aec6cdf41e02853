// `bench serving`: the engine with 1, 4, 16, 64 sessions that all want their next frame at once, one by one and in shared passes, in one run.
import { libtorchVersion, liveBytes, setNumThreads } from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { WorldModel, loadWorld } from "@vid2world/world";
import { worldEngine } from "@vid2world/world/serving/world-engine";
import { circumstances, type Circumstances } from "./circumstances.js";
import { debugWorld } from "./debug-world.js";

/** The engine with some sessions. */
export interface ServingFigures {
  readonly sessions: number;
  readonly batching: "never" | "exact" | "always";
  /** Frames per second in sum. */
  readonly framesPerSecond: number;
  /** Milliseconds from the request to the frame. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly meanBatch: number;
  /** Processor milliseconds of a frame. */
  readonly cpuTime: number;
  /** Tensors of a session, MiB. */
  readonly sessionMiB: number;
}

/** What `bench serving` found. */
export interface ServingResult extends Circumstances {
  readonly benchmark: "serving";
  readonly world: string;
  readonly figures: readonly ServingFigures[];
}

/** What is measured. */
export interface ServingOptions {
  /** A world's name or folder; `debug`: one of random weights, as small as one can be. */
  readonly world: string;
  readonly sessions: readonly number[];
  /** Frames per session, after as many that only warm up. */
  readonly frames: number;
  readonly threads: number;
}

/** Runs the benchmark. */
export async function runServing({ world: name, sessions, frames, threads }: ServingOptions): Promise<ServingResult> {
  setNumThreads(threads);
  const world = name === "debug" ? new WorldModel(debugWorld()) : await loadWorld(name);
  const figures: ServingFigures[] = [];
  for (const count of sessions)
    for (const batching of ["never", "exact", "always"] as const)
      figures.push(await measure(world, count, batching, frames));
  return { benchmark: "serving", world: name, figures, ...circumstances(threads, { libtorch: libtorchVersion }) };
}

async function measure(
  world: WorldModel,
  sessions: number,
  batching: ServingFigures["batching"],
  frames: number,
): Promise<ServingFigures> {
  const before = liveBytes();
  const engine = worldEngine(world, { batching, maxBatch: 64 });
  const { settings, channels = [] } = engine.world;
  const action = channels.map((channel) => (channel.kind === "continuous" ? channel.rest : 0));
  const start = { frames: new Uint8Array(world.contextFrames * world.width * world.height * 3).fill(90) };
  const names = Array.from({ length: sessions }, (_, i) => `${i}`);
  await Promise.all(names.map((name, seed) => engine.open(name, { ...start, seed })));
  const play = async (session: string, from: number): Promise<{ waits: number[]; batches: number[] }> => {
    const [waits, batches]: [number[], number[]] = [[], []];
    for (let at = from; at < from + frames; at++) {
      const asked = performance.now();
      const { batch } = await engine.step({ session, from: at, action, settings });
      waits.push(performance.now() - asked);
      batches.push(batch);
    }
    return { waits, batches };
  };
  const all = (from: number) => Promise.all(names.map((session) => play(session, from)));
  await all(world.contextFrames - 1);
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const played = await all(world.contextFrames - 1 + frames);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const waits = played.flatMap(({ waits }) => waits).sort((a, b) => a - b);
  const batches = played.flatMap(({ batches }) => batches);
  const quantile = (share: number): number =>
    waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? NaN;
  const sessionMiB = (liveBytes() - before) / sessions / 2 ** 20;
  await engine.shutdown();
  return {
    ...{ sessions, batching, framesPerSecond: waits.length / seconds, sessionMiB },
    ...{ p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
    meanBatch: batches.reduce((sum, batch) => sum + batch, 0) / batches.length,
    cpuTime: (user + system) / 1000 / waits.length,
  };
}

/** The result as a table. */
export function showServing({ figures, world }: ServingResult): string {
  const rows = figures.map((row) => [
    String(row.sessions),
    row.batching,
    row.framesPerSecond.toFixed(1),
    (row.framesPerSecond / row.sessions).toFixed(2),
    row.p50.toFixed(1),
    row.p95.toFixed(1),
    row.p99.toFixed(1),
    row.meanBatch.toFixed(1),
    row.cpuTime.toFixed(1),
    row.sessionMiB.toFixed(2),
  ]);
  const heading = [
    "sessions",
    "batching",
    "frames/s",
    "each",
    "p50 ms",
    "p95",
    "p99",
    "batch",
    "CPU ms/frame",
    "MiB each",
  ];
  return `${world}: all sessions ask for their next frame as soon as they have one

${textTable([heading, ...rows])}`;
}
