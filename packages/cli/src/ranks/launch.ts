// Runs the same command in several processes of this machine, one for each rank: they start, are asked to stop, and end together.
import { spawn, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { freePort } from "@vid2world/torch/free-port";

/** Milliseconds that ranks have to notice that one of them failed, then to save and end, before they are killed. */
const NOTICE = 60_000;
const GRACE = 30_000;

/** How the ranks are started. */
export interface LaunchOptions {
  readonly count: number;
  /** Arguments of node: the script, then its own. */
  readonly command: readonly string[];
  /** Receives whole lines for standard error. */
  readonly say: (line: string) => void;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts the ranks and waits for all of them. SIGINT and SIGTERM are passed on. Resolves with the exit code: that of the first rank that
 * failed, 1 for one that was killed. Rank 0 writes to this process's standard error as it is, the lines of the others say whose they are.
 */
export async function launchRanks({ count, command, say, environment = process.env }: LaunchOptions): Promise<number> {
  const port = await freePort();
  const ranks = Array.from({ length: count }, (_, rank) => start(rank));
  function start(rank: number): ChildProcess {
    const threads = String(Math.max(1, Math.floor(availableParallelism() / count)));
    const place = {
      ...{ RANK: String(rank), LOCAL_RANK: String(rank), WORLD_SIZE: String(count) },
      ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port) },
    };
    return spawn(process.execPath, [...process.execArgv, ...command], {
      env: { OMP_NUM_THREADS: threads, ...environment, ...place },
      // A group of its own: the terminal's Ctrl-C comes here only, and is passed on once. The channel closes when this process is gone.
      detached: true,
      stdio: ["ignore", "inherit", rank === 0 ? "inherit" : "pipe", "ipc"],
    });
  }

  const alive = new Set(ranks);
  const signalAll = (signal: NodeJS.Signals): void => {
    for (const child of alive) child.kill(signal);
  };
  const forward = (signal: NodeJS.Signals): void => {
    signalAll(signal);
  };
  process.on("SIGINT", forward).on("SIGTERM", forward);
  const timers: NodeJS.Timeout[] = [];
  const endAll = (): void => {
    if (timers.length > 0) return;
    timers.push(setTimeout(signalAll, NOTICE, "SIGTERM"), setTimeout(signalAll, NOTICE + GRACE, "SIGKILL"));
  };

  let first: number | undefined;
  await Promise.all(
    ranks.map(async (child, rank) => {
      const lines = child.stderr && createInterface({ input: child.stderr });
      lines?.on("line", (line) => {
        if (line.trim() !== "") say(`[rank ${rank}] ${line}`);
      });
      const { code, signal } = await endOf(child);
      alive.delete(child);
      if (signal !== null) say(`rank ${rank} was ended by ${signal}`);
      if (code === 0) return;
      first ??= code ?? 1;
      endAll();
    }),
  );
  timers.forEach(clearTimeout);
  process.off("SIGINT", forward).off("SIGTERM", forward);
  return first ?? 0;
}

function endOf(child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code, signal });
    });
  });
}

/** The arguments without `--devices N`, which is what each rank is started with. */
export function withoutDevices(argv: readonly string[]): string[] {
  const at = argv.indexOf("--devices");
  const rest = at < 0 ? argv : [...argv.slice(0, at), ...argv.slice(at + 2)];
  return rest.filter((word) => !word.startsWith("--devices="));
}
