// Where ranks meet and learn about each other: a store that rank 0 serves. Each rank keeps a sign of life there, so that when a
// collective fails the others can say which rank is gone, and each leaves the reason there when it ends by itself.
import { connect } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { native, type NativeHeartbeat, type NativeStore } from "./binding.js";
import { ProcessGroupError } from "./errors.js";

/** Milliseconds between two signs of life, and how long a silent rank is given before it counts as gone. */
const HEARTBEAT = 500;
const PATIENCE = 4000;
/** Seconds that rank 0 has at least to connect to its own store: nobody has to come for that, a busy machine only needs its time. */
const OWN_CONNECTION = 60;
/** Milliseconds between two looks: for what is expected soon, and for bad news while a collective takes long. */
const POLL = 50;
const LOOK = 1000;

/** Who joins where. */
export interface RendezvousOptions {
  readonly rank: number;
  readonly size: number;
  /** Address and port at which rank 0 serves the store. */
  readonly host: string;
  readonly port: number;
  /** Seconds that ranks wait for each other at the start. */
  readonly timeout: number;
}

/** A rank's place in the store. */
export interface Rendezvous {
  readonly store: NativeStore;
  /** Lets the others know that this rank has come past a point of its work. */
  pass(point: string): Promise<void>;
  /** Resolves when that rank has come past the point, however long it takes; rejects when it has ended. */
  passed(point: string, of: number): Promise<void>;
  /** Waits for work that needs all ranks. Rejects when it fails or another rank gives up, with an error that says who is to blame. */
  guard<T>(work: Promise<T>): Promise<T>;
  /** Leaves, for a reason or (undefined) because the work is done. Rank 0 stays until the others have read what they need. */
  leave(reason?: string): Promise<void>;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const plural = (ranks: readonly number[]): string => `rank${ranks.length > 1 ? "s" : ""} ${ranks.join(", ")}`;

/** Meets the other ranks. Rejects with a ProcessGroupError that names those that did not come within the time. */
export async function rendezvous(options: RendezvousOptions): Promise<Rendezvous> {
  const { rank, size, host, port, timeout } = options;
  const others = Array.from({ length: size }, (_, other) => other).filter((other) => other !== rank);
  const deadline = performance.now() + timeout * 1000;
  const store = await open(options);
  const get = (key: string, of: number): Promise<string | undefined> => native.storeGet(store, `${key}/${of}`);
  const set = (key: string, value: string): Promise<void> => native.storeSet(store, `${key}/${rank}`, value);
  const without = async (key: string, among: readonly number[]): Promise<number[]> => {
    const values = await Promise.all(among.map((other) => get(key, other)));
    return among.filter((_, i) => values[i] === undefined);
  };
  const place: Place = { rank, others, get };
  const meeting = <T>(work: Promise<T>): Promise<T> => work.catch((cause: unknown) => broken(options, cause));
  const heartbeat = await meeting(native.startHeartbeat(host, port, `alive/${rank}`, HEARTBEAT, connecting(options)));
  const leave = createLeave({
    ...{ rank, set, heartbeat },
    giveUp: (ending) => native.storeSet(store, `${BROKEN}/0`, ending),
    left: () => without("ended", others),
  });

  await meeting(set("joined", `${hostname()}, process ${process.pid}`));
  for (let missing = others; missing.length > 0; await sleep(POLL)) {
    missing = await meeting(without("joined", missing));
    if (missing.length === 0) break;
    const verdict = rank === 0 ? undefined : readEnding(await meeting(get(BROKEN, 0)))?.reason;
    if (verdict !== undefined || performance.now() > deadline) {
      const reason = verdict ?? `${plural(missing)} of ${size} did not come to ${host}:${port} within ${timeout} s; start ${missing.length > 1 ? "them" : "it"} with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE`; // prettier-ignore
      await leave(reason, missing);
      throw new ProcessGroupError(reason, missing);
    }
  }

  let explanation: Promise<ProcessGroupError> | undefined;
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    const settled = new AbortController();
    const done = work.finally(() => {
      settled.abort();
    });
    try {
      return await Promise.race([done, untilBroken(place, settled.signal)]);
    } catch (cause) {
      throw await (explanation ??= explain(cause, place));
    }
  };
  return {
    store,
    guard,
    pass: (point) => set(point, "passed"),
    passed: (point, of) => guard(untilPassed(place, point, of)),
    leave: async (reason) => leave(reason, (await explanation)?.ranks ?? []),
  };
}

/** The store fails before all ranks have met. */
function broken({ host, port }: RendezvousOptions, cause: unknown): never {
  const advice = "it ended while ranks were joining, or another program listens there";
  throw new ProcessGroupError(`rank 0 does not answer any more at ${host}:${port}: ${advice} [${messageOf(cause)}]`, [0], cause); // prettier-ignore
}

async function open(options: RendezvousOptions): Promise<NativeStore> {
  const { rank, host, port, timeout } = options;
  try {
    if (rank !== 0) await answering(host, port, performance.now() + timeout * 1000);
    return await native.openStore(host, port, rank === 0, connecting(options));
  } catch (cause) {
    const reason =
      rank === 0
        ? `rank 0 cannot serve at ${host}:${port} (${messageOf(cause)}); is the port taken by another run?`
        : `rank 0 did not answer at ${host}:${port} within ${timeout} s (${messageOf(cause)}); start it, or correct MASTER_ADDR and MASTER_PORT`;
    throw new ProcessGroupError(reason, [0], cause);
  }
}

/** Milliseconds that a connection to the store may take. */
const connecting = ({ rank, timeout }: RendezvousOptions): number =>
  1000 * (rank === 0 ? Math.max(timeout, OWN_CONNECTION) : timeout);

/** Resolves when someone listens there: that may take long, and a native task would occupy a thread of the pool for it. */
async function answering(host: string, port: number, deadline: number): Promise<void> {
  for (;;) {
    const refused = await new Promise<Error | undefined>((resolve) => {
      const socket = connect({ host, port, timeout: Math.max(1, deadline - performance.now()) });
      const settle = (error?: Error): void => {
        socket.destroy();
        resolve(error);
      };
      socket.once("connect", () => settle());
      socket.once("error", settle);
      socket.once("timeout", () => settle(new Error("no answer")));
    });
    if (refused === undefined) return;
    if (performance.now() > deadline) throw refused;
    await sleep(POLL);
  }
}

/** What a rank that gives up leaves behind: why, and which ranks it blames. */
interface Ending {
  readonly reason: string;
  readonly ranks: readonly number[];
}

const readEnding = (text: string | undefined): Ending | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as Ending);

/** The key (of rank 0, whoever writes it) that holds the ending of a rank that gave up: the others wait for it in vain. */
const BROKEN = "broken";

/** What a rank can see of the others. */
interface Place {
  readonly rank: number;
  readonly others: readonly number[];
  readonly get: (key: string, of: number) => Promise<string | undefined>;
}

/**
 * Rejects when some rank has given up. Gloo tells only the neighbours of a rank that is gone; the others would wait for those, and they have
 * ended. Resolves never: the work is raced against it.
 */
async function untilBroken({ get }: Place, settled: AbortSignal): Promise<never> {
  for (;;) {
    await sleep(LOOK, undefined, { signal: settled });
    const ending = readEnding(await get(BROKEN, 0));
    if (ending !== undefined) throw new Error(ending.reason);
  }
}

async function untilPassed({ get }: Place, point: string, of: number): Promise<void> {
  while ((await get(point, of)) === undefined) {
    if ((await get("ended", of)) !== undefined) throw new Error(`rank ${of} has ended`);
    await sleep(POLL);
  }
}

/** Watches the other ranks' signs of life for some seconds. */
async function explain(cause: unknown, { rank, others, get }: Place): Promise<ProcessGroupError> {
  const because = messageOf(cause);
  try {
    const before = await Promise.all(others.map((other) => get("alive", other)));
    const silent = new Set(others);
    const deadline = performance.now() + PATIENCE;
    while (silent.size > 0 && performance.now() < deadline) {
      await sleep(POLL);
      const ending = readEnding(await get(BROKEN, 0));
      if (ending) return new ProcessGroupError(ending.reason, ending.ranks, cause); // another rank has found out before
      for (const other of silent) {
        if ((await get("ended", other)) !== undefined)
          return new ProcessGroupError(`rank ${other} has ended its work, others go on [${because}]`, [other], cause);
        if ((await get("alive", other)) !== before[others.indexOf(other)]) silent.delete(other);
      }
    }
    if (silent.size > 0) {
      const gone = [...silent];
      const names = await Promise.all(gone.map(async (other) => `rank ${other} (${await get("joined", other)})`));
      const advice = "it was killed, ran out of memory, or its machine cannot be reached";
      return new ProcessGroupError(
        `${names.join(" and ")} does not answer any more: ${advice} [${because}]`,
        gone,
        cause,
      );
    }
    const progress = new Map<number, number>();
    for (const any of [rank, ...others]) progress.set(any, Number((await get("alive", any))?.split(" ")[1] ?? 0));
    const furthest = Math.max(...progress.values());
    const behind = [...progress].filter(([, done]) => done < furthest).map(([any]) => any);
    if (behind.length > 0) {
      const advice = "it is stuck, or needs longer for a step than the time-out";
      return new ProcessGroupError(`${plural(behind)} did not come to an exchange that the others wait in: ${advice} [${because}]`, behind, cause); // prettier-ignore
    }
    return new ProcessGroupError(`the exchange between ranks failed, and all of them answer [${because}]`, [], cause);
  } catch (lost) {
    if (rank === 0) return new ProcessGroupError(because, [], cause);
    return new ProcessGroupError(`rank 0 does not answer any more: it was killed, ran out of memory, or its machine cannot be reached [${messageOf(lost)}]`, [0], cause); // prettier-ignore
  }
}

interface Leaving {
  readonly rank: number;
  readonly heartbeat: NativeHeartbeat;
  readonly set: (key: string, value: string) => Promise<void>;
  readonly giveUp: (ending: string) => Promise<void>;
  /** The ranks that have not left yet. */
  readonly left: () => Promise<number[]>;
}

/** The store goes with rank 0, so it waits for the others, but not for those that are gone, and not for long. */
function createLeave({ rank, heartbeat, set, giveUp, left }: Leaving) {
  let gone: Promise<void> | undefined;
  const leave = async (reason: string, blamed: readonly number[]): Promise<void> => {
    try {
      if (reason !== "") {
        // Who knows of nobody to blame is to blame itself.
        const ending =
          blamed.length > 0 ? { reason, ranks: blamed } : { reason: `rank ${rank} ended: ${reason}`, ranks: [rank] };
        await giveUp(JSON.stringify(ending satisfies Ending));
      }
      await set("ended", reason);
      const deadline = performance.now() + 2 * PATIENCE;
      const waits = async (): Promise<boolean> => (await left()).some((other) => !blamed.includes(other));
      while (rank === 0 && performance.now() < deadline && (await waits())) await sleep(POLL);
    } catch {
      // the store is gone, so there is nobody to tell
    }
    await native.stopHeartbeat(heartbeat);
  };
  return (reason = "", blamed: readonly number[] = []): Promise<void> => (gone ??= leave(reason, blamed));
}
