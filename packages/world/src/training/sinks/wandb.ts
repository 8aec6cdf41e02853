// Weights & Biases, through its official client where the user installed that: off unless the configuration asks for it, no dependency of ours.
import { invalid } from "@vid2world/formats";
import { z } from "zod";
import type { TrainingEvent } from "../events.js";
import { levelRange } from "../loss-by-level.js";
import type { Sink } from "./sink.js";

/** Where a run is shown. The key comes from the environment (WANDB_API_KEY) and is kept nowhere. */
export const wandbSchema = z.strictObject({
  project: z.string().min(1),
  /** User or team; absent: the key's own. */
  entity: z.string().optional(),
  /** Name of the run; absent: chosen by the service. */
  name: z.string().optional(),
});

/** What of the client is used. */
export interface WandbClient {
  init(options: Readonly<Record<string, unknown>>): Promise<WandbRun>;
}

/** A run as the client knows it. */
export interface WandbRun {
  log(data: Record<string, unknown>, step?: number): void;
  finish(code?: number): Promise<void>;
}

/** What {@link openWandb} is told of the run; `load` and `environment` are for tests. */
export interface WandbOptions {
  /** The resolved configuration, without secrets. */
  readonly config: object;
  /** Stays the same when a run is resumed, so that its curves go on. */
  readonly id: string;
  readonly load?: () => Promise<WandbClient>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const PACKAGE: string = "@wandb/sdk";
const KEY = "WANDB_API_KEY";

/** Begins or goes on with a run of the service. Throws at once where the client or the key is absent. */
export async function openWandb(
  settings: z.output<typeof wandbSchema>,
  { config, id, load = loadClient, environment = process.env }: WandbOptions,
): Promise<Sink> {
  if (!environment[KEY])
    throw invalid("logging.wandb", `the service's key in the environment (${KEY}), or no such entry`, environment[KEY]);
  const client = await load();
  const run = await withoutSignalHandlers(() =>
    client.init({ ...settings, id, resume: "allow", config, settings: { silent: true } }),
  );
  let code = 1;
  return {
    name: "wandb",
    receive(event) {
      if (event.type === "end") code = 0;
      const values = valuesOf(event);
      if (values && "step" in event) run.log(values, event.step);
    },
    close: () => run.finish(code),
  };
}

async function loadClient(): Promise<WandbClient> {
  try {
    return ((await import(PACKAGE)) as { default: WandbClient }).default;
  } catch (cause) {
    const problem = invalid(
      "logging.wandb",
      `the package ${PACKAGE} (npm install ${PACKAGE}), or no such entry`,
      "none",
    );
    problem.cause = cause;
    throw problem;
  }
}

/** The client ends the process on SIGINT, before a checkpoint could be saved: what it hangs on signals is taken off again. */
async function withoutSignalHandlers<T>(begin: () => Promise<T>): Promise<T> {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  try {
    return await begin();
  } finally {
    for (const [i, signal] of signals.entries())
      for (const listener of process.listeners(signal)) if (!before[i]?.has(listener)) process.off(signal, listener);
  }
}

function valuesOf(event: TrainingEvent): Record<string, unknown> | undefined {
  if (event.type === "validation") return prefixed("validation", event.metrics);
  if (event.type !== "progress") return undefined;
  const { metrics, lossByLevel = [], learningRate, stepsPerSecond, framesPerSecond, memory } = event;
  const levels = Object.fromEntries(lossByLevel.map((value, i) => [`level ${levelRange(i)}`, value]));
  return {
    ...prefixed("train", { ...metrics, learningRate }),
    ...prefixed("loss by noise level", levels),
    ...prefixed("speed", { stepsPerSecond, ...(framesPerSecond !== undefined && { framesPerSecond }) }),
    ...prefixed("memory", { ...memory }),
  };
}

function prefixed(group: string, values: Readonly<Record<string, number | null>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[`${group}/${name}`, value]])),
  );
}
