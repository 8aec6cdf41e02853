// What editors are told of configurations fits the ones that are shipped, and finds a misspelt key.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { editorSchema } from "../config/editor-schema.js";
import { SCHEMA_TITLE, trainingConfigSchema } from "./config.js";

type Schema = Readonly<Record<string, unknown>>;

const schema = editorSchema(trainingConfigSchema, SCHEMA_TITLE) as Schema;
const configs = path.resolve(import.meta.dirname, "../../../../configs");

/** Paths of keys that no alternative of the schema has: the part of an editor's check that this file is about. */
function strangeKeys(at: Schema, value: unknown, where = ""): string[] {
  const alternatives = (at["anyOf"] ?? at["oneOf"]) as Schema[] | undefined;
  if (alternatives) {
    const found = alternatives.map((each) => strangeKeys(each, value, where));
    return found.reduce((best, each) => (each.length < best.length ? each : best));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const fits = "const" in at ? at["const"] === value : at["type"] !== "object";
    return fits ? [] : [`${where}=${String(value)}`];
  }
  if (at["additionalProperties"] !== false) return at["type"] === "object" || !("type" in at) ? [] : [where];
  const properties = (at["properties"] ?? {}) as Record<string, Schema>;
  return Object.entries(value).flatMap(([key, entry]) => {
    const known = properties[key];
    return known ? strangeKeys(known, entry, `${where}.${key}`) : [`${where}.${key}`];
  });
}

test("every shipped configuration fits, and misspelt keys do not", async () => {
  const names = (await readdir(configs, { recursive: true })).filter((name) => name.endsWith(".yaml"));
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) {
    const value: unknown = parse(await readFile(path.join(configs, name), "utf8"));
    expect(strangeKeys(schema, value), name).toEqual([]);
  }
  expect(strangeKeys(schema, { kind: "world", training: { batchsize: 4 } })).toEqual([".training.batchsize"]);
  expect(strangeKeys(schema, { kind: "word" })).toHaveLength(1);
});

test("configs/schema.json is the schema of this version, and the shipped configurations name it for editors", async () => {
  const kept = await readFile(path.join(configs, "schema.json"), "utf8");
  const current = `${JSON.stringify(editorSchema(trainingConfigSchema, SCHEMA_TITLE), null, 2)}\n`;
  expect(kept === current, "stale: ./vid2world config schema --out configs/schema.json").toBe(true);
  const names = (await readdir(configs, { recursive: true })).filter((name) => name.endsWith(".yaml"));
  for (const name of names.filter((name) => !name.startsWith("doom-ablation"))) {
    const [line = ""] = (await readFile(path.join(configs, name), "utf8")).split("\n");
    const [, target = ""] = /^# yaml-language-server: \$schema=(\S+)$/.exec(line) ?? [];
    expect(path.resolve(configs, path.dirname(name), target), name).toBe(path.join(configs, "schema.json"));
  }
});

test("no setting is required, as it may stand in the file that is extended", () => {
  expect(JSON.stringify(schema)).not.toMatch(/"required":\[/);
  expect(schema["$schema"]).toContain("draft-07");
});
