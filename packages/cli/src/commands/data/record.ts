// `vid2world data record`: a screen, a window, a network camera or any other source, with keys and mouse from standard input.
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { invalid } from "@vid2world/formats";
import { recordClip } from "@vid2world/world/data/import/record";
import { positive } from "./positive.js";

const EXAMPLES = `
Examples:
  my-key-logger | vid2world data record --screen 640x480+100+200 --mapping mapping.yaml --output recordings/mine
  my-key-logger | vid2world data record --url rtsp://camera/stream --mapping mapping.yaml --output recordings/robot
  my-key-logger | vid2world data record --source "-f v4l2 -i /dev/video0" --mapping mapping.yaml --output recordings/robot
Events come as JSON, one a line; "t" is seconds since 1970 and may be left out (time of arrival):
  {"type": "keydown", "code": "KeyW"}   {"type": "keyup", "code": "KeyW"}      codes as browsers have them
  {"type": "mousedown", "button": 0}    {"type": "mouseup", "button": 0}       0 left, 1 middle, 2 right
  {"type": "mousemove", "dx": 4, "dy": -1}                                     pixels since the last one
  {"type": "blur"}                                                             everything is released
Ctrl-C, the end of the events, or --seconds ends the recording, which becomes a clip then.`;

/** Builds the command. */
export function recordCommand() {
  return new Command("record")
    .description("Record pictures and inputs on one clock, as a clip of a recording.")
    .requiredOption("--mapping <file>", "YAML file with size, rate and channels (docs/data.md)")
    .requiredOption("--output <folder>", "folder of the recording; a clip is added to one that is there")
    .option("--name <name>", "name of the clip (default: the time)")
    .option("--screen <area>", "part of an X11 screen: WIDTHxHEIGHT+X+Y")
    .option("--window <id>", "an X11 window, by its number (xwininfo shows it)")
    .option("--url <address>", "a stream, such as rtsp://...")
    .option("--source <arguments>", "any source, as arguments of ffmpeg up to its -i")
    .addOption(new Option("--seconds <n>", "end by itself").argParser(positive("--seconds")))
    .addHelpText("after", EXAMPLES)
    .action(async (options) => {
      const { mapping, output, seconds, name = `clip-${timeName(new Date())}` } = options;
      const source = sourceOf(options);
      const stop = new AbortController();
      const interrupt = (): void => {
        console.error("ending the recording ...");
        stop.abort();
      };
      process.once("SIGINT", interrupt);
      try {
        const report = await recordClip({
          source,
          mapping,
          output,
          name,
          events: process.stdin,
          stop: stop.signal,
          ...(seconds === undefined ? {} : { seconds }),
          onStart: () => console.error(`recording ${name}; Ctrl-C ends it`),
        });
        console.log(`${output}: ${name}, ${report.frames} frames`);
      } finally {
        process.off("SIGINT", interrupt);
        process.stdin.destroy(); // a pipe that stays open would keep the program alive
      }
    });
}

interface SourceOptions {
  readonly screen?: string | undefined;
  readonly window?: string | undefined;
  readonly url?: string | undefined;
  readonly source?: string | undefined;
}

function sourceOf({ screen, window, url, source }: SourceOptions): string[] {
  const given = [screen, window, url, source].filter((each) => each !== undefined);
  if (given.length !== 1) throw invalid("--screen, --window, --url, --source", "exactly one of them", given);
  const display = process.env.DISPLAY ?? ":0";
  if (url !== undefined) return ["-i", url];
  if (source !== undefined) return words(source);
  if (window !== undefined) return ["-f", "x11grab", "-framerate", "60", "-window_id", window, "-i", display];
  const area = /^(\d+x\d+)\+(\d+)\+(\d+)$/.exec(screen ?? "");
  if (area === null) throw new InvalidArgumentError("--screen takes WIDTHxHEIGHT+X+Y, such as 640x480+100+200.");
  const [, size = "", x, y] = area;
  return ["-f", "x11grab", "-framerate", "60", "-video_size", size, "-i", `${display}+${x},${y}`];
}

/** Splits at blanks, except within quotes. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
}

function timeName(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
}
