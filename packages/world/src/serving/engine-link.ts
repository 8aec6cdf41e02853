// One life of the engine's process: starts it, hands calls over, and tells when it is gone. What comes after that is engine-process.ts's.

import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import type { ChildMessage, EngineMethod, EngineSetup, ParentMessage } from "./engine-calls.js";
import { EngineError, type EngineWorld } from "./engine.js";

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A running engine. */
export interface EngineLink {
  readonly world: EngineWorld;
  readonly pid: number;
  /** Resolves when the process is gone, with the reason. */
  readonly gone: Promise<string>;
  /** Calls a method. Rejects with `lost` when the process goes before it answers. */
  call(method: EngineMethod, args: readonly unknown[]): Promise<unknown>;
  /** Ends the process, by force if it takes longer than this many milliseconds. */
  end(patience: number): Promise<void>;
}

// By the package's own name, because the sources that tests run have no compiled file beside them.
const CHILD_FILE = createRequire(import.meta.url).resolve("@vid2world/world/serving/engine-child");
const LAST_WORDS = 2000;

/**
 * Starts a process and waits for its world to be loaded. Rejects with `lost` and its last words where that fails. From then on it is killed
 * where it has been asked something and says nothing for `hangAfter` milliseconds.
 */
export async function startEngine(given: EngineSetup, hangAfter: number): Promise<EngineLink> {
  const threads = given.threads ?? Math.max(1, Math.floor(availableParallelism() / 2));
  const setup = { ...given, threads };
  const child = fork(CHILD_FILE, [], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // Threads that spin while they wait take the cores from the server and the browser beside them; OpenBLAS's own would be more than were asked
    // for. Read when the libraries load, hence here.
    env: { OMP_WAIT_POLICY: "PASSIVE", OPENBLAS_NUM_THREADS: String(threads), ...process.env },
  });
  const calls = new Map<number, Call>();
  let words = "";
  let hung = false;
  child.stderr?.on("data", (text: Buffer) => void (words = (words + text.toString()).slice(-LAST_WORDS)));
  let next = 0;
  const send = (message: ParentMessage): void => void child.send(message, () => undefined); // the exit tells of failures

  const gone = new Promise<string>((resolve) => {
    const end = (reason: string): void => {
      for (const { reject } of calls.values()) reject(new EngineError("lost", reason));
      calls.clear();
      resolve(reason);
    };
    child.once("error", (error) => end(`the engine's process could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      const how = hung
        ? `killed, as it said nothing for ${hangAfter / 1000} s`
        : signal
          ? `killed by ${signal}`
          : `ended with code ${code}`;
      end(`the engine's process was ${how}${words.trim() ? `; it said: ${words.trim()}` : ""}`);
    });
  });
  const world = await ready(child, gone, () => send({ kind: "setup", setup }));
  let heard = performance.now();
  child.on("message", (message) => {
    heard = performance.now();
    settle(calls, message as ChildMessage);
  });
  const watch = setInterval(() => {
    if (calls.size === 0) heard = performance.now();
    hung = performance.now() - heard > hangAfter;
    if (hung) child.kill("SIGKILL");
  }, hangAfter / 4).unref();
  void gone.then(() => clearInterval(watch));

  return {
    world,
    pid: child.pid ?? 0,
    gone,
    call: (method, args) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null || child.signalCode !== null) {
          reject(new EngineError("lost", "the engine's process is gone"));
          return;
        }
        const id = next++;
        calls.set(id, { resolve, reject });
        send({ kind: "call", id, method, args });
      }),
    async end(patience) {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), patience);
      await gone;
      clearTimeout(timer);
    },
  };
}

async function ready(child: ChildProcess, gone: Promise<string>, begin: () => void): Promise<EngineWorld> {
  const said = new Promise<ChildMessage>((resolve) =>
    child.once("message", (message) => resolve(message as ChildMessage)),
  );
  begin();
  const first = await Promise.race([said, gone]);
  if (typeof first === "string") throw new EngineError("lost", first);
  if (first.kind === "ready") return first.world;
  child.kill("SIGKILL");
  throw new EngineError("failed", first.kind === "failed" ? first.message : "the engine spoke out of turn");
}

function settle(calls: Map<number, Call>, message: ChildMessage): void {
  if (message.kind !== "result" && message.kind !== "error") return;
  const call = calls.get(message.id);
  calls.delete(message.id);
  if (message.kind === "result") call?.resolve(message.value);
  else call?.reject(new EngineError(message.code, message.message));
}
