// `vid2world play`: serves a world to play in the browser, and to programs.
import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { playWorld } from "../play/play-world.js";
import { dtypeOption } from "./dtype-option.js";
import { countOption } from "./whole-number.js";

const EXAMPLES = `
Examples:
  vid2world play                                     the built-in world, in this machine's browser
  vid2world play --model runs/mine --start photo.jpg    an own world, from a picture of yours
  vid2world play --model csgo.ckpt --start data/csgo --dtype float16 --device cuda    a published checkpoint
  vid2world play --model my.yaml --checkpoint my.safetensors --start clip.mp4    any weights, by their configuration
  vid2world play --host 0.0.0.0 --token-file token --sessions 16    for others, who need the token
With --verbose the log, which tells of clients, places and frames too then, goes to standard error instead of its file.
How it is run for many, and the protocol for programs: docs/serving.md and docs/protocol.md.`;

/** Builds the command. */
export function playCommand() {
  return new Command("play")
    .description("Serve a world: a page to play it in, and an interface for programs.")
    .option(
      "--model <what>",
      "a built-in world, the folder of one or of a training run, a configuration, or a checkpoint",
      "doom-live",
    ) // prettier-ignore
    .option("--checkpoint <file>", "weights for a configuration, also weights:NAME")
    .option("--supply <file...>", "further checkpoints, for networks that the first one does not have")
    .addOption(dtypeOption())
    .option(
      "--start <what...>",
      "recordings, a data set, pictures or videos to start from (default: the world's recordings)",
    ) // prettier-ignore
    .option("--device <names>", "cpu, cuda or cuda:N; several with commas between: one engine each", "cpu")
    .addOption(countOption("--threads <n>", "threads of an engine on a CPU (default: half of the cores)", 1))
    .addOption(countOption("--sessions <n>", "sessions at once; who comes later waits", 1).default(4))
    .option("--no-open", "do not open the page")
    .optionsGroup("For others on the network:")
    .option("--host <address>", "where to listen; another than this machine needs --token", "127.0.0.1")
    .addOption(
      countOption("--sessions-per-address <n>", "sessions of one address (default: half of all; with --host of this machine all)", 1), // prettier-ignore
    )
    .addOption(countOption("--port <n>", "port to listen at (default: 8008, or a free one)", 0))
    .addOption(
      new Option("--token <secret>", "what clients must know, 8 characters or more; the list of this machine's processes shows it, unlike the other two ways").env("VID2WORLD_TOKEN"), // prettier-ignore
    )
    .addOption(new Option("--token-file <file>", "a file that holds the token").conflicts("token"))
    .option("--insecure", "listen for everyone without a token")
    .option("--origin <url...>", "pages of other places that may use the interface")
    .option("--trust-proxy", "believe x-forwarded-for: behind a load balancer of your own only")
    .option(
      "--state <folder>",
      "where sessions are saved; several servers may share one (default: ~/.cache/vid2world/sessions)",
    )
    .addOption(countOption("--keep-gib <n>", "GiB that saved sessions may take; the oldest go first", 1).default(8))
    .option("--log <file>", "log file (default: ~/.cache/vid2world/play.log)")
    .addHelpText("after", EXAMPLES)
    .action(async (options, command) => {
      const { verbose } = command.optsWithGlobals() as { verbose?: true };
      await playWorld({ ...options, verbose, start: options.start?.map((path) => resolve(path)) });
    });
}
