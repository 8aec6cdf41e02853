// ffmpeg and ffprobe as child processes: starting them, and turning what they say on stderr into one reason.
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** ffmpeg or ffprobe could not be started. */
export class MediaToolError extends Error {
  override name = "MediaToolError";
  readonly program: string;

  constructor(program: string, cause: unknown) {
    super(
      `${program}: could not be started (${cause instanceof Error ? cause.message : String(cause)}); ` +
        `install it (Debian and Ubuntu: "apt-get install ffmpeg", macOS: "brew install ffmpeg") ` +
        `or set FFMPEG and FFPROBE to the programs' paths`,
      { cause },
    );
    this.program = program;
  }
}

/** How a media tool ended: exit code (undefined when a signal ended it), first complaint, and the start of all of them. */
export interface ToolEnd {
  readonly code: number | undefined;
  readonly reason: string;
  readonly log: string;
}

/** A running media tool. `ended` never rejects after a start; it rejects with {@link MediaToolError} without one. */
export interface ToolProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly ended: Promise<ToolEnd>;
  readonly stop: () => void;
}

const STDERR_LIMIT = 16_384;

/** Starts ffmpeg or ffprobe (or what `FFMPEG` / `FFPROBE` name) with the arguments given, without a shell. */
export function startTool(tool: "ffmpeg" | "ffprobe", args: readonly string[]): ToolProcess {
  const program = process.env[tool.toUpperCase()] ?? tool;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(0, STDERR_LIMIT); // the first message is the cause, the later ones its consequences
  });
  // A tool that ends early breaks our pipe. What it says on stderr is the better message, so this one is dropped here.
  child.stdin.on("error", () => undefined);
  const ended = new Promise<ToolEnd>((resolve, reject) => {
    child.once("error", (cause) => reject(new MediaToolError(program, cause)));
    child.once("close", (code) => resolve({ code: code ?? undefined, reason: firstReason(errors), log: errors }));
  });
  ended.catch(() => undefined); // reported to whoever awaits it, also when that happens later
  return { stdin: child.stdin, stdout: child.stdout, ended, stop: () => void child.kill("SIGKILL") };
}

/** Runs a tool to its end and returns what it wrote to stdout as text. */
export async function toolOutput(
  tool: "ffmpeg" | "ffprobe",
  args: readonly string[],
): Promise<ToolEnd & { text: string }> {
  const running = startTool(tool, args);
  running.stdin.end();
  const parts: Buffer[] = [];
  for await (const part of running.stdout) parts.push(part as Buffer);
  return { ...(await running.ended), text: Buffer.concat(parts).toString("utf8") };
}

/** "[h264 @ 0x55d] moov atom not found\n..." -> "moov atom not found". */
function firstReason(stderr: string): string {
  const line = stderr.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  return line.replace(/^\[[^\]]* @ 0x[0-9a-f]+\] ?/, "").trim();
}
