// A configuration of the published code as text: its placeholders, its YAML dialect and its references, down to a list of settings.
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

import { ConfigError } from "../config-error.js";
import type { ConfigMap, ConfigValue } from "../document.js";

/** One setting of the file: a value, a list, or an empty mapping. */
export interface Setting {
  /** Dotted path in the file, `model.params.channels`. */
  readonly key: string;
  readonly value: ConfigValue;
  /** Line in the file, from 1. */
  readonly line: number;
}

/** `|<name>|` in the text of a setting: to be filled in by whoever uses the file. */
export interface Placeholder {
  readonly name: string;
  readonly key: string;
  readonly line: number;
}

/** A published configuration, read. */
export interface PublishedSource {
  readonly file: string;
  readonly settings: readonly Setting[];
  /** Placeholders that nothing was given for; their text is still in the settings. */
  readonly open: readonly Placeholder[];
  /** The value at a path; undefined where the file says nothing (or null). */
  readonly get: (key: string) => ConfigValue | undefined;
  /** Whether the file has settings below a path. */
  readonly has: (section: string) => boolean;
}

const PLACEHOLDER = /\|<([^<>|\n]+)>\|/g;
/** A plain scalar that begins with a placeholder: for YAML the bar would open a block of text. */
const UNQUOTED = /^(\s*(?:- +)?(?:[\w.]+ *: +)?)(\|<[^<>|\n]+>\|[^\s#'"]*)(\s*(?:#.*)?)$/gm;

/**
 * Reads the text of a published configuration.
 * @param fill values for placeholders by their names, without `|<` and `>|`
 */
export function readPublished(
  file: string,
  text: string,
  fill: Readonly<Record<string, string>> = {},
): PublishedSource {
  const lines = new LineCounter();
  const quoted = text.replace(
    UNQUOTED,
    (_, before: string, value: string, after: string) => `${before}'${value}'${after}`,
  );
  // Version 1.1 as PyYAML reads it: yes and no are booleans, a merge key is understood.
  const document = parseDocument(quoted, { version: "1.1", lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const issues = document.errors.map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { path: "", message: `not valid YAML: ${message}`, file, line, column: col };
    });
    throw new ConfigError(file, issues);
  }
  if (!isMap(document.contents)) throw new ConfigError(file, [{ path: "", message: "expected a mapping of settings" }]);
  const found: Setting[] = [];
  collect(document.contents, [], 1, found, (offset) => lines.linePos(offset).line);
  const open: Placeholder[] = [];
  const filled = found.map((setting) => ({ ...setting, value: fillIn(setting, fill, open) }));
  const raw = new Map(filled.map((setting) => [setting.key, setting.value]));
  const settings = filled.map((setting) => ({ ...setting, value: dereference(file, setting, raw) }));
  const values = new Map(settings.map(({ key, value }) => [key, value]));
  return {
    file,
    settings,
    open,
    get: (key) => values.get(key) ?? undefined,
    has: (section) => settings.some(({ key }) => key === section || key.startsWith(`${section}.`)),
  };
}

function collect(
  node: unknown,
  path: readonly string[],
  line: number,
  found: Setting[],
  lineOf: (offset: number) => number,
): void {
  if (!isMap(node) || node.items.length === 0) {
    const value = isNode(node) ? (node.toJSON() as ConfigValue) : null;
    // A list of mappings (callbacks as a list, say) is looked into by number, so that nothing hides in it.
    if (!isSeq(node) || !node.items.some((item) => isMap(item)))
      return void found.push({ key: path.join("."), value, line });
    return node.items.forEach((item, i) => collect(item, [...path, String(i)], line, found, lineOf));
  }
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const at = isNode(key) && key.range ? lineOf(key.range[0]) : line;
    collect(value, [...path, name], at, found, lineOf);
  }
}

function fillIn(
  { key, value, line }: Setting,
  fill: Readonly<Record<string, string>>,
  open: Placeholder[],
): ConfigValue {
  if (Array.isArray(value)) return value.map((item: ConfigValue) => fillIn({ key, value: item, line }, fill, open));
  if (typeof value !== "string") return value;
  return value.replace(PLACEHOLDER, (whole, name: string) => {
    if (Object.hasOwn(fill, name)) return fill[name] ?? "";
    open.push({ name, key, line });
    return whole;
  });
}

/** `${a.b}` is another setting's value (OmegaConf); what cannot be known here, `${oc.env:X}` or `???`, is an error with its place. */
function dereference(file: string, { key, value, line }: Setting, raw: ReadonlyMap<string, ConfigValue>): ConfigValue {
  const fail = (message: string): ConfigError => new ConfigError(file, [{ path: key, message, file, line, column: 1 }]);
  const follow = (text: string, depth: number): ConfigValue => {
    if (text === "???") throw fail('"???": the file leaves this value open; write one');
    const whole = /^\$\{([^{}]+)\}$/.exec(text)?.[1];
    const lookUp = (name: string): ConfigValue => {
      const target = raw.get(name);
      if (target === undefined || depth > 20)
        throw fail(`\${${name}}: refers to nothing in this file; write the value`);
      return typeof target === "string" ? follow(target, depth + 1) : target;
    };
    if (whole !== undefined) return lookUp(whole);
    return text.replace(/\$\{([^{}]+)\}/g, (_, name: string) => inText(lookUp(name)));
  };
  return typeof value === "string" && /\$\{|^\?\?\?$/.test(value) ? follow(value, 0) : value;
}

const inText = (value: ConfigValue): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Nested mappings from dotted paths, in the order given. */
export function nested(entries: Iterable<readonly [string, ConfigValue]>): ConfigMap {
  const root: Record<string, ConfigValue> = {};
  for (const [key, value] of entries) {
    const path = key.split(".");
    const last = path.pop() ?? "";
    let map = root;
    for (const name of path) map = (map[name] ??= {}) as Record<string, ConfigValue>;
    map[last] = value;
  }
  return root;
}
