// An imported configuration as YAML in which every line says where it comes from.
import { invalid } from "@vid2world/formats";
import { parse, parseDocument, stringify } from "yaml";

import type { ConfigMap, ConfigValue } from "../document.js";
import type { PublishedImport } from "./import.js";

/** Columns after which a comment goes into the line above. */
const WIDTH = 120;

/** The text of the file: our settings with the published keys as comments, and at the top what still has to be done. */
export function writeImported(imported: PublishedImport): string {
  const { file, settings, origins, placeholders, unknown, unsupported } = imported;
  const open = [...new Set(placeholders.map(({ name }) => name))].map((name) => `# Still to fill in: |<${name}>|`);
  const lost = [...unknown, ...unsupported].map(({ key, message }) => `# Not taken over: ${key}: ${message}`);
  const lines = [
    `# Imported from ${file} by vid2world config import; the comments name the published settings.`,
    ...open,
    ...lost,
  ];
  let section: readonly string[] = [];
  for (const [path, value] of settings) {
    const names = path.split(".");
    const shared = names.findIndex((name, i) => name !== section[i]);
    for (let depth = Math.max(0, shared); depth < names.length - 1; depth++)
      lines.push(`${indent(depth)}${names[depth]}:`);
    const text = `${indent(names.length - 1)}${names.at(-1)}: ${scalar(value)}`;
    const origin = origins.get(path);
    if (origin === undefined) lines.push(text);
    else if (text.length + origin.length + 3 <= WIDTH) lines.push(`${text} # ${origin}`);
    else lines.push(`${indent(names.length - 1)}# ${origin}`, text);
    section = names.slice(0, -1);
  }
  return `${lines.join("\n")}\n`;
}

const indent = (depth: number): string => "  ".repeat(depth);

const scalar = (value: ConfigValue): string =>
  stringify(value, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trimEnd();

/** A finished file: its text and the values that the text holds. */
export interface ImportedFile {
  readonly text: string;
  readonly values: ConfigMap;
}

/** The file, with settings changed as the user says (`path.to.setting=value` each); comments stay. */
export function importedFile(imported: PublishedImport, overrides: readonly string[] = []): ImportedFile {
  const document = parseDocument(writeImported(imported));
  for (const override of overrides) {
    const equals = override.indexOf("=");
    if (equals < 1) throw invalid("--set", "path.to.setting=value", override);
    document.setIn(override.slice(0, equals).trim().split("."), parse(override.slice(equals + 1)));
  }
  const text =
    overrides.length === 0
      ? writeImported(imported)
      : document.toString({ lineWidth: 0, flowCollectionPadding: false });
  return { text, values: document.toJS() as ConfigMap };
}
