// What the engine's process and its parent say to each other, over Node's channel between processes (structured clones).

import type { LoadWorldOptions } from "../world-folder.js";
import type { EngineErrorCode, EngineWorld } from "./engine.js";
import type { WorldEngine, WorldEngineOptions } from "./world-engine.js";

/** Which world an engine's process loads, and how it works. Plain data, as it goes to another process. */
export interface EngineSetup {
  /** Name of a world in `worlds/`, or a folder. */
  readonly world: string;
  /** How it is loaded; what describes the scene must come from its own files. */
  readonly load?: Omit<LoadWorldOptions, "describeScene">;
  readonly engine?: WorldEngineOptions;
  /** Threads that an operator may use; absent: half of the cores, as a memory is brought up to date beside each frame that is drawn. */
  readonly threads?: number;
}

/** Methods that are called in the other process. */
export type EngineMethod =
  "open" | "step" | "hold" | "picture" | "snapshot" | "memories" | "restore" | "append" | "close" | "load" | "shutdown";

/** From the parent. */
export type ParentMessage =
  | { readonly kind: "setup"; readonly setup: EngineSetup }
  | { readonly kind: "call"; readonly id: number; readonly method: EngineMethod; readonly args: readonly unknown[] };

/** From the engine. */
export type ChildMessage =
  | { readonly kind: "ready"; readonly world: EngineWorld }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly code: EngineErrorCode; readonly message: string };

/** Calls a method by its name. The arguments are those that the same method was called with in the parent. */
export function callEngine(engine: WorldEngine, method: EngineMethod, args: readonly unknown[]): Promise<unknown> {
  return (engine as unknown as Record<EngineMethod, (...given: readonly unknown[]) => Promise<unknown>>)[method](
    ...args,
  );
}
