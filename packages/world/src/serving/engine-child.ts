// The engine's process: loads a world and answers its parent's calls until that lets go. engine-process.ts starts it.

import { setNumThreads } from "@vid2world/torch";
import { loadWorld } from "../world-folder.js";
import { type ChildMessage, type ParentMessage, callEngine } from "./engine-calls.js";
import { asEngineError } from "./frame-scheduler.js";
import { releaseMemoryRegularly } from "./release-memory.js";
import { type WorldEngine, worldEngine } from "./world-engine.js";

let engine: WorldEngine | undefined;

/** A parent that is gone cannot be told. */
function tell(message: ChildMessage): void {
  if (process.connected) process.send?.(message, () => undefined);
}

async function answer(message: ParentMessage): Promise<void> {
  if (message.kind === "setup") {
    const { world, load = {}, engine: options = {}, threads } = message.setup;
    try {
      if (threads !== undefined) setNumThreads(threads);
      engine = worldEngine(await loadWorld(world, load), options);
      tell({ kind: "ready", world: engine.world });
    } catch (error) {
      tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    }
    return;
  }
  const { id, method, args } = message;
  try {
    if (engine === undefined) throw new Error("called before it was ready");
    tell({ kind: "result", id, value: await callEngine(engine, method, args) });
  } catch (error) {
    const { code, message: text } = asEngineError(error);
    tell({ kind: "error", id, code, message: text });
  }
}

releaseMemoryRegularly();
process.on("message", (message) => void answer(message as ParentMessage));
// Nothing holds the process once its work is done.
process.on("disconnect", () => void engine?.shutdown());
// Ctrl-C goes to all processes of a terminal, and a service's polite kill to all of its group; the parent decides when this one ends, after
// it has saved the sessions.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
