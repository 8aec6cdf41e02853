// A YAML configuration with its text positions: reading, one level of `extends`, overrides from the command line.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { isMap, isNode, isSeq, LineCounter, parse, parseDocument } from "yaml";
import type { Document, Node } from "yaml";
import { ConfigError } from "./config-error.js";

/** A plain value as YAML knows it. */
export type ConfigValue = string | number | boolean | null | readonly ConfigValue[] | ConfigMap;
/** A mapping of a configuration. */
export interface ConfigMap {
  readonly [key: string]: ConfigValue;
}
/** Where a setting stands in a file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The merged values of a configuration and a function that finds the text behind a path. */
export interface ConfigDocument {
  readonly file: string;
  readonly values: ConfigMap;
  /** The place of the setting at `path`, else of the nearest mapping around it; undefined for command-line overrides. */
  place(path: readonly PropertyKey[]): Place | undefined;
}

/** Reads `file`, the file named by its `extends` (below it), and puts `overrides` (`a.b=c`) on top. */
export async function readConfigDocument(file: string, overrides: readonly string[] = []): Promise<ConfigDocument> {
  const own = await parseFile(file);
  const { extends: parentName, ...ownValues } = own.values;
  const layers = [own];
  let values: ConfigMap = ownValues;
  if (parentName !== undefined) {
    if (typeof parentName !== "string") throw issueAt(own, ["extends"], "expected the path of a configuration file");
    const parentFile = path.isAbsolute(parentName) ? parentName : path.join(path.dirname(file), parentName);
    const parent = await parseFile(parentFile);
    if (parent.values["extends"] !== undefined) {
      throw issueAt(own, ["extends"], `${parentFile} extends another file itself; only one level is allowed`);
    }
    values = merge(parent.values, values);
    layers.push(parent);
  }
  const overridden = new Set<string>();
  for (const text of overrides) {
    const { keys, value } = parseOverride(file, text);
    values = setIn(values, keys, value);
    overridden.add(keys.join("."));
  }
  const isOverridden = (keys: readonly PropertyKey[]): boolean =>
    keys.some((_, i) => overridden.has(keys.slice(0, i + 1).join(".")));
  return {
    file,
    values,
    place: (keys) => (isOverridden(keys) ? undefined : deepestPlace(layers, keys)),
  };
}

interface Layer {
  readonly file: string;
  readonly values: ConfigMap;
  readonly document: Document;
  readonly lines: LineCounter;
}

async function parseFile(file: string): Promise<Layer> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new ConfigError(file, [{ path: "", message: `cannot be read: ${(error as Error).message}` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const issues = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { path: "", message: `not valid YAML: ${error.message}`, file, line, column: col };
    });
    throw new ConfigError(file, issues);
  }
  const values = (document.toJS() ?? {}) as ConfigValue;
  if (!isConfigMap(values)) throw new ConfigError(file, [{ path: "", message: "expected a mapping of settings" }]);
  return { file, values, document, lines };
}

function deepestPlace(layers: readonly Layer[], keys: readonly PropertyKey[]): Place | undefined {
  for (let depth = keys.length; depth > 0; depth--) {
    for (const layer of layers) {
      const place = placeIn(layer, keys.slice(0, depth));
      if (place) return place;
    }
  }
  const [own] = layers;
  return own && { file: own.file, line: 1, column: 1 };
}

/** The position of a key (of an item, in a sequence) in one file, if that file sets it. */
function placeIn({ file, document, lines }: Layer, keys: readonly PropertyKey[]): Place | undefined {
  let node: unknown = document.contents;
  let found: Node | undefined;
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(item.key) === String(key));
      if (!pair) return undefined;
      found = isNode(pair.key) ? pair.key : undefined;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (!isNode(node)) return undefined;
      found = node;
    } else {
      return undefined;
    }
  }
  if (!found?.range) return undefined;
  const { line, col } = lines.linePos(found.range[0]);
  return { file, line, column: col };
}

function issueAt(layer: Layer, keys: readonly string[], message: string): ConfigError {
  return new ConfigError(layer.file, [{ path: keys.join("."), message, ...placeIn(layer, keys) }]);
}

/** Mappings are merged key by key; everything else in `top` replaces what is below. */
function merge(below: ConfigMap, top: ConfigMap): ConfigMap {
  const merged: Record<string, ConfigValue> = { ...below };
  for (const [key, value] of Object.entries(top)) {
    const old = below[key];
    merged[key] = isConfigMap(old) && isConfigMap(value) ? merge(old, value) : value;
  }
  return merged;
}

function parseOverride(file: string, text: string): { keys: string[]; value: ConfigValue } {
  const equals = text.indexOf("=");
  const keys = text.slice(0, equals).trim().split(".");
  if (equals < 1 || keys.some((key) => key === "")) {
    throw new ConfigError(file, [{ path: text, message: "an override is written path.to.setting=value" }]);
  }
  try {
    return { keys, value: parse(text.slice(equals + 1)) as ConfigValue };
  } catch (error) {
    throw new ConfigError(file, [{ path: keys.join("."), message: `not a YAML value: ${(error as Error).message}` }]);
  }
}

function setIn(values: ConfigMap, [key, ...rest]: readonly string[], value: ConfigValue): ConfigMap {
  if (key === undefined) return values;
  const old = values[key];
  return { ...values, [key]: rest.length === 0 ? value : setIn(isConfigMap(old) ? old : {}, rest, value) };
}

function isConfigMap(value: ConfigValue | undefined): value is ConfigMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
