// Reads whole numbers from the command line.
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";

/** A parser for commander: whole numbers from `least` on; anything else ends the command with a sentence that names the option. */
export function wholeNumber(option: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`${option} takes a whole number from ${least} on.`);
    }
    return value;
  };
}

/** An option that takes a whole number from `least` on: `countOption("--starts <n>", "starts in held-out clips", 1)`. */
export const countOption = <Flags extends string>(flags: Flags, text: string, least: number) =>
  new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, least));
