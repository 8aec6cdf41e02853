// Records a screen, a camera or any other source of ffmpeg together with key and mouse events, on one clock: the wall clock.
// The raw video and events are kept as they come, so that nothing is lost when the program is killed; then they are imported.
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { FormatError, invalid, startTool } from "@vid2world/formats";
import { loadConfig } from "../../config/load.js";
import { HEADER_FILE, readHeader } from "../recording-format.js";
import { frameTimes } from "./frame-times.js";
import { headerOf, importClip } from "./import-folder.js";
import { parseKeyEvent } from "./key-events.js";
import { mappingSchema, type Mapping } from "./mapping.js";
import { buildRecording, type ImportReport } from "./recording-builder.js";
import { parseJsonLine } from "./table.js";

/** What to record, and where to. */
export interface RecordOptions {
  /** Arguments of ffmpeg that name the source: ["-f", "x11grab", "-i", ":0"]. */
  readonly source: readonly string[];
  /** Events as JSON lines; `t` is seconds since 1970 and is stamped on arrival where it is missing. Its end ends the recording. */
  readonly events: Readable;
  /** The mapping file: size, rate and channels of the recording. Its `inputs` are not used. */
  readonly mapping: string;
  /** Folder of the recording; a clip is added to one that is there. */
  readonly output: string;
  /** Name of the clip. */
  readonly name: string;
  /** Seconds after which recording ends by itself. */
  readonly seconds?: number;
  /** Ends the recording, which is then imported as usual. */
  readonly stop?: AbortSignal;
  /** Called when the source delivers. */
  readonly onStart?: () => void;
}

/** Sub-folder of the recording with what was recorded before it was imported. */
export const RAW_FOLDER = "raw";

/** Records until the events end, `stop` is aborted or the time is over, and adds the clip to the recording. */
export async function recordClip(options: RecordOptions): Promise<ImportReport> {
  const { output, name } = options;
  const mapping = await loadConfig(options.mapping, mappingSchema);
  await checkFits(output, mapping);
  if (!/^[\w.-]+$/.test(name) || existsSync(join(output, `${name}.actions.json`))) {
    throw invalid("name", "the name of a new clip, of letters, digits, . _ and -", name);
  }
  const raw = join(output, RAW_FOLDER);
  await mkdir(raw, { recursive: true });
  const video = `${name}.mkv`;
  await capture(options, join(raw, video), join(raw, `${name}.events.jsonl`));
  const [first] = await frameTimes(join(raw, video)).catch(() => []); // without a frame it is no readable video
  if (first === undefined)
    throw new FormatError(join(raw, video), "nothing was recorded: it ended before the first frame");
  const inputs = {
    kind: "events" as const,
    file: "{name}.events.jsonl",
    time: "t",
    unit: "s" as const,
    offset: -first,
  };
  const clips = (await readdir(output)).filter((each) => each.endsWith(".actions.json")).length;
  const notes: string[] = [];
  const make = (path: string) =>
    importClip({
      ...{ input: raw, mapping: { ...mapping, inputs, columns: {} }, video, name, path, index: clips, notes },
      sameClock: true,
    });
  return buildRecording(output, headerOf(mapping), [{ name, make }], { strict: true }, notes);
}

async function checkFits(output: string, mapping: Mapping): Promise<void> {
  const file = join(output, HEADER_FILE);
  if (!existsSync(file)) return;
  const header = await readHeader(file);
  for (const field of ["fps", "width", "height", "channels"] as const) {
    if (JSON.stringify(header[field]) === JSON.stringify(mapping[field])) continue;
    throw invalid("mapping", `the ${field} of the recording that is in ${output}`, mapping[field]);
  }
}

async function capture(options: RecordOptions, video: string, eventsFile: string): Promise<void> {
  const { source, events, seconds, stop, onStart } = options;
  // Packets get the time of their arrival, in microseconds since 1970; -copyts carries it into the file. Matroska is
  // readable to its last frame also when the writer was killed.
  const input = ["-v", "error", "-use_wallclock_as_timestamps", "1", ...source];
  const codec = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p", "-bf", "0"];
  const output = [
    "-map",
    "0:v:0",
    "-copyts",
    "-fps_mode",
    "passthrough",
    ...codec,
    "-flush_packets",
    "1",
    "-progress",
    "pipe:1",
  ];
  const even = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2"];
  const recorder = startTool("ffmpeg", [...input, ...even, ...output, "-f", "matroska", "-y", `file:${video}`]);
  const sink = createWriteStream(eventsFile);
  const lines = createInterface({ input: events, crlfDelay: Infinity });
  let problem: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => void recorder.stdin.write("q");
  sink.on("error", (cause) => {
    problem ??= cause;
    end();
  });
  const started = new Promise<void>((resolve) => {
    recorder.stdout.once("data", () => {
      onStart?.();
      if (seconds !== undefined) timer = setTimeout(end, seconds * 1000);
      resolve();
    });
  });
  recorder.stdout.resume();
  stop?.addEventListener("abort", end, { once: true });
  let line = 0;
  lines.on("line", (text) => {
    if (text.trim() === "") return;
    try {
      const row = parseJsonLine("events", ++line, text);
      parseKeyEvent("events", row);
      sink.write(`${JSON.stringify({ ...row.values, t: row.values.t ?? Date.now() / 1000 })}\n`);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // A wrong stream of events is worth stopping for at once, not after an hour.
      problem = new FormatError(
        "events",
        `${error.message.replace(/^events: /, "")}; what was recorded until then is ${video}`,
      );
      end();
    }
  });
  // Events that end before the source delivers anything leave it time to do so.
  lines.once("close", () => void started.then(() => setTimeout(end, END_OF_EVENTS_MS).unref()));
  try {
    const { code, reason } = await recorder.ended;
    if (problem !== undefined) throw problem;
    if (code !== 0 && code !== 255) throw new FormatError(source.join(" "), `could not be recorded: ${reason}`);
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", end);
    lines.close();
    if (!sink.destroyed) await new Promise<void>((resolve) => sink.end(() => resolve()));
  }
}

/** After the last event one more frame should be seen. */
const END_OF_EVENTS_MS = 300;
