// `vid2world play` in a process of its own, as a user starts it, and what the kernel says of it and of its engine's process.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";

/** How it is started. */
export interface ServedOptions {
  readonly world: string;
  readonly starts: string;
  /** Where it keeps its sessions and its log. */
  readonly folder: string;
  readonly sessions: number;
  readonly threads: number;
}

/** A server that runs. */
export interface ServedProcess {
  readonly address: string;
  readonly pid: number;
  readonly stateFolder: string;
  readonly logFile: string;
  /** Of the engine's process; undefined while there is none. */
  enginePid(): Promise<number | undefined>;
  /** Ends it as Ctrl-C does. Rejects where it did not end well, with its last words. */
  stop(): Promise<void>;
}

const MAIN = resolve(import.meta.dirname, "../../main.js");

/** Starts it, and waits until it says where it is. */
export async function startServed({ world, starts, folder, sessions, threads }: ServedOptions): Promise<ServedProcess> {
  const [stateFolder, logFile] = [join(folder, "sessions"), join(folder, "play.log")];
  const args = [
    "play",
    "--model",
    world,
    "--start",
    starts,
    "--no-open",
    "--port",
    "0",
    "--sessions",
    String(sessions),
  ];
  const places = ["--threads", String(threads), "--state", stateFolder, "--log", logFile];
  const child = spawn(process.execPath, [MAIN, ...args, ...places], { stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  const address = await new Promise<string>((found, failed) => {
    const read = (chunk: Buffer): void => {
      words = (words + chunk.toString()).slice(-4000);
      const [, at] = / is at (http:\S+)/.exec(words) ?? [];
      if (at !== undefined) found(at);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", () => failed(new Error(`the server did not start: ${words.trim()}`)));
    child.once("error", failed);
  });
  const pid = child.pid ?? 0;
  return {
    ...{ address, pid, stateFolder, logFile },
    async enginePid() {
      const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(/\s+/);
      for (const one of children.filter((text) => text !== ""))
        if ((await commandOf(Number(one))).includes("engine-child")) return Number(one);
      return undefined;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        await ended;
      }
      if (child.exitCode !== 0) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode ?? "?"}: ${words.trim()}`); // prettier-ignore
    },
  };
}

/** What the kernel says of a process. */
export interface ProcessUse {
  readonly residentBytes: number;
  readonly files: number;
  /** Processor time since it began, seconds. */
  readonly seconds: number;
}

/** Looks at a process; undefined where it is gone. */
export async function processUse(pid: number): Promise<ProcessUse | undefined> {
  try {
    const [status, stat, files] = await Promise.all([
      readFile(`/proc/${pid}/status`, "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
      readdir(`/proc/${pid}/fd`),
    ]);
    const residentBytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
    const [user = NaN, system = NaN] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return { residentBytes, files: files.length, seconds: (user + system) / TICKS };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** `USER_HZ`, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

const commandOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
