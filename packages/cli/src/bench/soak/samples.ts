// One look at a served world: what the kernel, the server's own metrics and the players say of the time since the last one.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { quantile } from "../timing.js";
import type { Tally } from "./players.js";
import { type ServedProcess, processUse } from "./served-process.js";

/** One look. The engine's figures are absent while it is started again. */
export interface SoakSample {
  /** Since the players came. */
  readonly minutes: number;
  /** How many engines there were before this one. */
  readonly life: number;
  readonly serverBytes: number;
  /** JavaScript objects. Not compiled code, which still grows for hours as one function after the other is called often enough to be optimised. */
  readonly serverHeapBytes: number;
  readonly serverFiles: number;
  readonly engineBytes?: number;
  readonly engineHeapBytes?: number;
  readonly engineFiles?: number;
  readonly engineTensors?: number;
  readonly sessionBytes?: number;
  /** In the engine, waiting for a place, and on disk with the bytes that they take there. */
  readonly sessions: number;
  readonly waiting: number;
  readonly storedSessions: number;
  readonly storedBytes: number;
  readonly logBytes: number;
  /** Frames that players were shown, in all. */
  readonly frames: number;
  /** Milliseconds from the beginning of a frame to its sending since the last look; absent where there was none. */
  readonly p50?: number;
  readonly p99?: number;
  /** Processor time of server and engine so far, seconds; that of engines that were killed is not in it. */
  readonly serverSeconds: number;
  readonly engineSeconds: number;
}

/** Looks. Frame times are taken out of the tally. */
export async function look(
  served: ServedProcess,
  tally: Tally,
  when: Pick<SoakSample, "minutes" | "life">,
): Promise<SoakSample> {
  const enginePid = await served.enginePid();
  const [server, engine, metrics, stored, log] = await Promise.all([
    processUse(served.pid),
    enginePid === undefined ? undefined : processUse(enginePid),
    metricsOf(served.address),
    storedIn(served.stateFolder),
    stat(served.logFile),
  ]);
  if (!server) throw new Error("the server's process is gone");
  const value = (name: string): number => metrics.get(`vid2world_${name}`) ?? NaN;
  const times = tally.frameTimes.splice(0);
  return {
    ...when,
    serverBytes: server.residentBytes,
    serverHeapBytes: OBJECT_SPACES.reduce((sum, space) => sum + value(`server_nodejs_heap_space_size_used_bytes{space="${space}"}`), 0), // prettier-ignore
    serverFiles: server.files,
    ...(engine &&
      value("engines") === 1 && {
        engineBytes: engine.residentBytes,
        engineHeapBytes: value("engine_heap_bytes"),
        engineFiles: engine.files,
        engineTensors: value("engine_live_tensors"),
        sessionBytes: value("engine_session_bytes"),
      }),
    sessions: value("sessions"),
    waiting: value("queue"),
    ...stored,
    logBytes: log.size,
    frames: tally.frames,
    ...(times.length > 0 && { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }),
    serverSeconds: server.seconds,
    engineSeconds: engine?.seconds ?? 0,
  };
}

/** Parts of V8's heap that hold objects. */
const OBJECT_SPACES = ["new", "old", "new_large_object", "large_object"];

/** Values of Prometheus' text by name and labels, as they are written there. */
async function metricsOf(address: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)].map(([, name = "", value]) => [name, Number(value)]),
  );
}

async function storedIn(folder: string): Promise<{ storedSessions: number; storedBytes: number }> {
  const names = (await readdir(folder)).filter((name) => name !== "secret");
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then(({ size }) => size, () => 0))); // prettier-ignore
  const storedSessions = names.filter((name) => name.endsWith(".session")).length;
  return { storedSessions, storedBytes: sizes.reduce((sum, size) => sum + size, 0) };
}
