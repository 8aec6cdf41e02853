// The command line as a whole: the global options and the commands of the table.
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";

import { commands } from "./commands/table.js";

const AFTER = `
In a checkout, ./vid2world sets up what is missing first, and ./vid2world test runs every check.
To begin with: vid2world doctor, then vid2world demo. vid2world COMMAND --help explains a command.`;

/**
 * Builds the program for these arguments (without node and script). Only the file of the command that they name is loaded,
 * so that `vid2world --help` starts neither libtorch nor anything else; the others are there by name and summary.
 */
export async function createProgram(argv: readonly string[]): Promise<CommandUnknownOpts> {
  const program = new Command("vid2world")
    .description("Interactive world models from video diffusion models.")
    .version("0.1.0")
    .option("--verbose", "say more: the stack of an error (also: VID2WORLD_DEBUG=1); of play, its log")
    .showHelpAfterError("(add --help to see how it is called)")
    .addHelpText("after", AFTER);
  const wanted = namedCommand(argv);
  for (const { name, summary, load } of commands) {
    const command: CommandUnknownOpts = name === wanted ? await load() : new Command();
    program.addCommand(command.name(name).summary(summary).copyInheritedSettings(program));
  }
  return program;
}

/** The command that the arguments name, also in `help NAME`; global options take no values, so it is the first plain word. */
function namedCommand(argv: readonly string[]): string | undefined {
  const words = argv.filter((argument) => !argument.startsWith("-"));
  return words[0] === "help" ? words[1] : words[0];
}
