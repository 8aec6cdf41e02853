// One side of a benchmark as the command sees it: a child process that answers JSON lines.
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import type { ReplyTo, Request } from "./protocol.js";
import { repositoryRoot } from "./repository.js";

/** A running side. Requests are answered one after the other. */
export interface Peer extends AsyncDisposable {
  ask<R extends Request>(request: R): Promise<ReplyTo<R>>;
}

/** Threads that both sides use, set before OpenMP loads. */
const environment = (threads: number): NodeJS.ProcessEnv => ({
  ...process.env,
  OMP_NUM_THREADS: String(threads),
  OPENBLAS_NUM_THREADS: String(threads),
  OMP_WAIT_POLICY: "PASSIVE",
});

/** Starts a command that speaks the protocol. */
export function startPeer(command: string, args: readonly string[], threads: number): Peer {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: environment(threads) });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) =>
      reject(new Error(`${command} ended (${signal ?? `exit code ${code ?? "unknown"}`}):\n${errors.trim()}`)),
    );
  });
  ended.catch(() => undefined); // an end without an open question is no failure
  child.stdin.on("error", () => undefined); // told by `ended`, with the reason
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<R extends Request>(request: R): Promise<ReplyTo<R>> {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line = await Promise.race([lines.next(), ended]);
      if (line.done === true) return ended;
      const reply = JSON.parse(line.value) as ReplyTo<R> & { readonly error?: string };
      if (reply.error !== undefined) throw new Error(`${command}: ${request.request} failed: ${reply.error}`);
      return reply;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended.catch(() => undefined);
    },
  };
}

/** Our side, in a fresh Node process with the options of this one, and others where given. */
export function startOurs(threads: number, nodeOptions: readonly string[] = []): Peer {
  // Always the compiled one: under a test runner this file is a source.
  const worker = path.join(repositoryRoot(), "packages/cli/dist/src/bench/worker.js");
  return startPeer(process.execPath, [...process.execArgv, ...nodeOptions, worker], threads);
}
