// Reads whole numbers from the command line.
import { InvalidArgumentError } from "@commander-js/extra-typings";

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
