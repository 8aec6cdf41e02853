// A browser that playwright-core cannot drive as distributions ship it, and the programs that it takes.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

/** One source of input and what it does in turn: https://www.w3.org/TR/webdriver2/#actions, the same in WebDriver BiDi. */
export interface InputSource {
  readonly type: "key" | "pointer";
  readonly id: string;
  readonly actions: readonly object[];
}

/** One window of a browser. */
export interface DrivenBrowser {
  open(url: string): Promise<void>;
  /** The value of an expression of the page's, awaited where it is a promise: anything that JSON holds. */
  evaluate<T>(expression: string): Promise<T>;
  perform(source: InputSource): Promise<void>;
  /** What is seen, as PNG: for people who look into a failure. */
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

/** Pixels of the window. */
export const WINDOW = { width: 1000, height: 700 } as const;

/** An expression with its value as text, which every protocol carries alike. */
export const inJson = (expression: string): string => `(async () => JSON.stringify((await (${expression})) ?? null))()`;

/** The path of a program; undefined: it is not on this machine. */
export const findProgram = (program: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(existsSync);

/** What a browser consists of: it is ended in the opposite order of its beginning. */
export interface Parts {
  /** A program that runs until the end. */
  start(program: string, args: readonly string[], options?: Parameters<typeof spawn>[2]): ChildProcess;
  /** An empty folder until the end. */
  folder(): Promise<string>;
  /** What else is to be done at the end. */
  atEnd(end: () => unknown): void;
  end(): Promise<void>;
}

/** Nothing yet. */
export function noParts(): Parts {
  const ends: (() => unknown)[] = [];
  return {
    start(program, args, options = {}) {
      const child = spawn(program, args, options);
      ends.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGTERM");
        await once(child, "exit");
      });
      return child;
    },
    async folder() {
      const made = await mkdtemp(join(tmpdir(), "vid2world-browser-"));
      ends.push(() => rm(made, { recursive: true, force: true, maxRetries: 5 }));
      return made;
    },
    atEnd: (end) => void ends.push(end),
    async end() {
      const results = [];
      for (const end of ends.splice(0).toReversed()) results.push(...(await Promise.allSettled([end()])));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

/** Starts a browser; where that fails, what was started of it is ended. */
export async function withParts(begin: (parts: Parts) => Promise<DrivenBrowser>): Promise<DrivenBrowser> {
  const parts = noParts();
  try {
    return await begin(parts);
  } catch (error) {
    await parts.end();
    throw error;
  }
}

/** What a program says first that `pattern` finds: its first group. */
export async function told(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  for await (const line of createInterface({ input: stream })) {
    const found = pattern.exec(line)?.[1];
    if (found === undefined) continue;
    stream.resume(); // what else it says must not block it
    return found;
  }
  throw new Error(`a program ended before it said ${String(pattern)}`);
}
