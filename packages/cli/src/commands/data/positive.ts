// Reads positive numbers, such as rates, from the command line.
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** A parser for commander: positive numbers; anything else ends the command with a sentence that names the option. */
export function positive(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (value > 0 && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`${option} takes a positive number.`);
  };
}
