// Worlds as an environment for programs: several at once, reset, step, fork, snapshot, restore. Built on the engine, so that all of them are
// drawn as one pass where that changes no byte, and a fork is no more than another place in the same tree.

import { invalid } from "@vid2world/formats";
import { actionRow } from "../world-actions.js";
import { type LoadWorldOptions, loadWorld } from "../world-folder.js";
import type { WorldModel } from "../world-model.js";
import { type Engine, type EngineWorld, type FullSettings, withSettings } from "./engine.js";
import type { Settings } from "./protocol/messages.js";
import { type WorldEngineOptions, worldEngine } from "./world-engine.js";

/** An action: values by channel (those left out are at rest), or one value per channel in order. */
export type EnvironmentAction = Readonly<Record<string, number>> | readonly number[];

/** What a world of an environment starts from. */
export interface EnvironmentStart {
  /** One or more frames, bytes K*H*W*3, oldest first. */
  readonly frames: Uint8Array;
  /** Actions between them, K - 1 or more; absent: at rest. */
  readonly actions?: readonly EnvironmentAction[];
  /** Absent: the environment's seed plus the number of the world. */
  readonly seed?: number;
}

/** What is seen after a reset or a step. */
export interface Observation {
  /** H*W*3 bytes. */
  readonly pixels: Uint8Array;
  /** Number of the frame, counted from the first context frame. */
  readonly frame: number;
}

/** How an environment is opened. */
export interface EnvironmentOptions extends Omit<LoadWorldOptions, "seed"> {
  /** Worlds side by side. Default 1. */
  readonly sessions?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Settings of every frame; those left out are the world's own. Seeds are each world's. */
  readonly settings?: Omit<Settings, "seed">;
  readonly engine?: WorldEngineOptions;
}

/** A session that some environments stand in; the last one closes it. */
interface Episode {
  readonly name: string;
  owners: number;
}

/** Where one world of an environment stands. */
interface Place {
  readonly episode: Episode;
  readonly node: number;
  readonly frame: number;
}

/** What environments of one family (forks of each other) share. */
interface Shared {
  readonly engine: Engine;
  readonly settings: FullSettings;
  readonly seed: number;
  /** Episodes begun so far: their names. */
  episodes: number;
  environments: number;
}

/**
 * Worlds that programs act in. What they show depends on start, seed and actions alone. One call at a time.
 *
 * @example
 * const env = await openEnvironment("doom", { sessions: 2 });
 * await env.reset({ frames });
 * const [left, right] = await env.step([{ turn: 0.4 }, { turn: -0.4 }]);
 * await env.dispose();
 */
export class Environment {
  readonly #shared: Shared;
  #places: (Place | undefined)[];
  #disposed = false;

  private constructor(shared: Shared, places: readonly (Place | undefined)[]) {
    this.#shared = shared;
    this.#places = [...places];
    shared.environments++;
    for (const place of places) if (place) place.episode.owners++;
  }

  /** An environment of an engine, which becomes the environment's. */
  static of(engine: Engine, options: Pick<EnvironmentOptions, "sessions" | "seed" | "settings"> = {}): Environment {
    const { sessions = 1, seed = 0, settings: chosen = {} } = options;
    if (!Number.isInteger(sessions) || sessions < 1) throw invalid("sessions", "a whole number from 1", sessions);
    const settings = withSettings(engine.world.settings, chosen);
    const shared = { engine, settings, seed, episodes: 0, environments: 0 };
    return new Environment(
      shared,
      Array.from({ length: sessions }, () => undefined),
    );
  }

  /** Size, channels and settings of the world. */
  get world(): EngineWorld {
    return this.#shared.engine.world;
  }

  /** Worlds side by side. */
  get sessions(): number {
    return this.#places.length;
  }

  /** Starts all worlds: one start each, or one for all, which then differ by their seeds. -> the last context frames */
  async reset(starts: EnvironmentStart | readonly EnvironmentStart[]): Promise<Observation[]> {
    this.#check();
    const { engine, seed } = this.#shared;
    const each = this.#perWorld("starts", isList(starts) ? starts : this.#places.map(() => starts));
    const size = engine.world.width * engine.world.height * 3;
    return this.#replace(
      each.map((start, i) => async (name: string) => {
        const count = start.frames.length / size;
        const actions = start.actions?.slice(0, Math.max(count - 1, 0)).map((action) => this.#row(action));
        await engine.open(name, { frames: start.frames, seed: start.seed ?? seed + i, ...(actions && { actions }) });
        return { node: count - 1, frame: count - 1, pixels: start.frames.slice(-size) };
      }),
    );
  }

  /** One frame in every world: action i is taken in world i. */
  async step(actions: readonly EnvironmentAction[]): Promise<Observation[]> {
    this.#check();
    const { engine, settings } = this.#shared;
    const rows = this.#perWorld("actions", actions).map((action) => this.#row(action));
    const places = this.#standing();
    const frames = await Promise.all(
      places.map(({ episode, node }, i) =>
        engine.step({ session: episode.name, from: node, action: rows[i] ?? [], settings }),
      ),
    );
    this.#places = places.map(({ episode }, i) => {
      const { node = 0, frame = 0 } = frames[i] ?? {};
      return { episode, node, frame };
    });
    return frames.map(({ pixels, frame }) => ({ pixels, frame }));
  }

  /** Another environment that goes on from here, independently. It shares the past and costs nothing until it steps. */
  fork(): Environment {
    this.#check();
    return new Environment(this.#shared, this.#places);
  }

  /** Everything needed to go on exactly from here, a snapshot per world: bytes to keep, or to give to another process. */
  async snapshot(): Promise<Uint8Array[]> {
    this.#check();
    const places = this.#standing();
    const bytes = await Promise.all(places.map(({ episode }) => this.#shared.engine.snapshot(episode.name)));
    return bytes.map((session, i) => withPlace(session, places[i] as Place));
  }

  /** Goes on where snapshots were taken, one per world. -> what was seen there */
  async restore(snapshots: readonly Uint8Array[]): Promise<Observation[]> {
    this.#check();
    const { engine } = this.#shared;
    return this.#replace(
      this.#perWorld("snapshots", snapshots).map((bytes) => async (name: string) => {
        const { session, node, frame } = splitPlace(bytes);
        await engine.restore(name, session);
        const pixels = await engine.picture(name, node);
        return { node, frame, pixels };
      }),
    );
  }

  /** Ends its worlds; with the last of a family of forks the engine ends. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#leave(this.#places);
    if (--this.#shared.environments === 0) await this.#shared.engine.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Puts every world into a new episode; where one cannot begin, all stay as they were. */
  async #replace(
    begins: readonly ((name: string) => Promise<{ node: number; frame: number; pixels: Uint8Array }>)[],
  ): Promise<Observation[]> {
    const episodes = begins.map((): Episode => ({ name: `${this.#shared.episodes++}`, owners: 1 }));
    const begun = await Promise.allSettled(begins.map((begin, i) => begin((episodes[i] as Episode).name)));
    const failed = begun.find((one) => one.status === "rejected");
    if (failed) {
      await Promise.all(episodes.map(({ name }) => this.#shared.engine.close(name)));
      throw failed.reason;
    }
    const seen = begun.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const before = this.#places;
    this.#places = seen.map(({ node, frame }, i) => ({ episode: episodes[i] as Episode, node, frame }));
    await this.#leave(before);
    return seen.map(({ pixels, frame }) => ({ pixels, frame }));
  }

  async #leave(places: readonly (Place | undefined)[]): Promise<void> {
    for (const place of places)
      if (place && --place.episode.owners === 0) await this.#shared.engine.close(place.episode.name);
  }

  #row(action: EnvironmentAction): readonly number[] {
    const { channels } = this.world;
    return channels ? actionRow(action, channels.length, channels) : isList(action) ? action : [];
  }

  #standing(): Place[] {
    return this.#places.map((place) => {
      if (place) return place;
      throw new Error("the environment has no start: call reset({ frames }) first");
    });
  }

  #perWorld<T>(name: string, given: readonly T[]): readonly T[] {
    if (given.length !== this.sessions) throw invalid(name, `${this.sessions}, one per world`, given.length);
    return given;
  }

  #check(): void {
    if (this.#disposed) throw new Error("the environment was disposed of: open another one");
  }
}

/** Opens an environment of a world by the name of one in `worlds/`, a folder, or one that is loaded (whose weights stay the caller's). */
export async function openEnvironment(
  world: string | WorldModel,
  options: EnvironmentOptions = {},
): Promise<Environment> {
  const { sessions, seed, settings, engine = {}, ...load } = options;
  const loaded = typeof world === "string" ? await loadWorld(world, load) : world;
  const own = {
    ...(sessions !== undefined && { sessions }),
    ...(seed !== undefined && { seed }),
    ...(settings && { settings }),
  };
  // Forks of many worlds stand in one session's tree.
  return Environment.of(worldEngine(loaded, { sessionBytes: 256 * 2 ** 20, ...engine }), own);
}

/** A snapshot of a world: where it stands in its session, 8 bytes, then the session's. */
function withPlace(session: Uint8Array, { node, frame }: Place): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(node, 0);
  head.writeUInt32LE(frame, 4);
  return Buffer.concat([head, session]);
}

function splitPlace(bytes: Uint8Array): { session: Uint8Array; node: number; frame: number } {
  if (bytes.length < 8) throw invalid("snapshots", "bytes of `snapshot()`", bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { session: bytes.subarray(8), node: view.getUint32(0, true), frame: view.getUint32(4, true) };
}

const isList = <T>(value: unknown): value is readonly T[] => Array.isArray(value);
