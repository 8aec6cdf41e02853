// Turns a configuration of the published code into one of ours, and says of every single setting what became of it.
import { ConfigError } from "../config-error.js";
import type { ConfigMap } from "../document.js";
import { Account, type PublishedImport } from "./account.js";
import { nested, readPublished } from "./source.js";

export type { PublishedImport, Remark } from "./account.js";

/**
 * Converts the text of a published configuration. Nothing is left out silently: what is not in one of our settings is in a list.
 * @param fill values of placeholders by name
 * @throws ConfigError when the text is not YAML or refers to what it does not hold
 */
export function importPublished(
  file: string,
  text: string,
  fill: Readonly<Record<string, string>> = {},
): PublishedImport {
  const source = readPublished(file, text, fill);
  const account = new Account(source);
  for (const setting of source.settings) account.take(setting);
  account.takeAbsent();
  account.conclude();
  return account.result();
}

/** Values for the placeholders where a published file names its checkpoint and its data folder, by the placeholders' names. */
export function fillPlaces(
  file: string,
  text: string,
  places: { checkpoint?: string; data?: string },
): Record<string, string> {
  const { open } = readPublished(file, text);
  const wanted = [
    ["checkpoint", /^model\.pretrained_checkpoint$/],
    ["data", /^data\.params\.\w+\.params\.data_dir$/],
  ] as const;
  const fill: Record<string, string> = {};
  for (const [place, where] of wanted) {
    const value = places[place];
    if (value === undefined) continue;
    const names = open.filter(({ key }) => where.test(key)).map(({ name }) => name);
    if (names.length === 0) {
      throw new ConfigError(file, [{ path: place, message: "the file has no placeholder there; give --set instead" }]);
    }
    for (const name of names) fill[name] = value;
  }
  return fill;
}

/** The values of an import as the schema takes them. */
export const importedValues = ({ settings }: PublishedImport): ConfigMap => nested(settings);
