// What a user sees of a wrong configuration, and how files, parents and overrides are put together.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { ConfigError } from "./config-error.js";
import { loadConfig, saveConfig } from "./load.js";

const schema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("a"),
    training: z.strictObject({ batchSize: z.int().min(1), decay: z.enum(["cosine", "linear"]).default("cosine") }),
    sizes: z.array(z.int()).default([1]),
  }),
  z.strictObject({ kind: z.literal("b"), other: z.number().default(0) }),
]);

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), "config-"))));
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const full = path.join(folder, name);
  await writeFile(full, text);
  return full;
}

async function issuesOf(name: string, overrides: string[] = []): Promise<ConfigError> {
  const error: unknown = await loadConfig(name, schema, { overrides }).catch((caught: unknown) => caught);
  if (!(error instanceof ConfigError)) throw new Error("no ConfigError was thrown");
  return error;
}

describe("loadConfig", () => {
  test("fills defaults and keeps what is written", async () => {
    const name = await file("good.yaml", "kind: a\ntraining: { batchSize: 4 }\n");
    expect(await loadConfig(name, schema)).toEqual({
      kind: "a",
      training: { batchSize: 4, decay: "cosine" },
      sizes: [1],
    });
  });

  test("merges mappings of the parent and replaces sequences", async () => {
    await file("parent.yaml", "kind: a\ntraining: { batchSize: 4, decay: linear }\nsizes: [1, 2]\n");
    const name = await file("child.yaml", "extends: parent.yaml\ntraining: { batchSize: 8 }\nsizes: [3]\n");
    expect(await loadConfig(name, schema)).toEqual({
      kind: "a",
      training: { batchSize: 8, decay: "linear" },
      sizes: [3],
    });
  });

  test("extends a file by its absolute path as well", async () => {
    const parent = await file("anywhere.yaml", "kind: b\nother: 7\n");
    const child = await file("elsewhere.yaml", `extends: ${parent}\n`);
    expect(await loadConfig(child, schema)).toEqual({ kind: "b", other: 7 });
  });

  test("refuses a second level of extends", async () => {
    await file("level2.yaml", "kind: b\n");
    await file("level1.yaml", "extends: level2.yaml\n");
    expect((await issuesOf(await file("level0.yaml", "extends: level1.yaml\n"))).message).toContain("only one level");
  });

  test("puts overrides from the command line on top, read as YAML", async () => {
    const name = await file("over.yaml", "kind: a\ntraining: { batchSize: 4 }\n");
    const config = await loadConfig(name, schema, { overrides: ["training.batchSize=2", "sizes=[5, 6]"] });
    expect(config).toMatchObject({ training: { batchSize: 2 }, sizes: [5, 6] });
  });

  test("names every problem with its place, what was expected and what was probably meant", async () => {
    const name = await file("bad.yaml", "kind: a\ntraining:\n  batchsize: 4\n  decay: cosin\nsizes: [1, x]\n");
    const error = await issuesOf(name);
    expect(error.issues.map(({ path: where, line, column, message }) => ({ where, line, column, message }))).toEqual([
      { where: "training.batchSize", line: 2, column: 1, message: "missing; expected a number" },
      { where: "training.batchsize", line: 3, column: 3, message: 'unknown key; did you mean "batchSize"?' },
      {
        where: "training.decay",
        line: 4,
        column: 3,
        message: 'expected one of "cosine", "linear", received "cosin"; did you mean "cosine"?',
      },
      { where: "sizes.1", line: 5, column: 12, message: 'expected a number, received "x"' },
    ]);
    expect(error.message).toContain(`ConfigError in ${name}\n  2:1`);
  });

  test("points into the parent for a problem that the parent has", async () => {
    const parent = await file("badparent.yaml", "kind: a\ntraining: { batchSize: 0 }\n");
    const name = await file("innocent.yaml", "extends: badparent.yaml\nsizes: [1]\n");
    expect((await issuesOf(name)).issues).toEqual([
      {
        path: "training.batchSize",
        message: "expected a number >= 1, received 0",
        file: parent,
        line: 2,
        column: 13,
      },
    ]);
  });

  test("has no place for a wrong override and says what a valid one looks like", async () => {
    const name = await file("fine.yaml", "kind: b\n");
    expect((await issuesOf(name, ["other=ten"])).issues[0]?.line).toBeUndefined();
    expect((await issuesOf(name, ["other"])).message).toContain("path.to.setting=value");
  });

  test("lists the kinds when the kind is wrong", async () => {
    const name = await file("kind.yaml", "kind: c\n");
    expect((await issuesOf(name)).message).toContain('expected one of "a", "b", received "c"');
  });

  test("reports broken YAML and an absent file as configuration errors", async () => {
    expect((await issuesOf(await file("broken.yaml", "a: [1\n"))).message).toContain("not valid YAML");
    expect((await issuesOf(path.join(folder, "absent.yaml"))).message).toContain("cannot be read");
  });
});

test("a saved configuration loads to the same values", async () => {
  const name = await file("first.yaml", "kind: a\ntraining: { batchSize: 4 }\n");
  const config = await loadConfig(name, schema);
  const saved = path.join(folder, "run", "config.yaml");
  await saveConfig(saved, config);
  expect(await loadConfig(saved, schema)).toEqual(config);
  expect(await readFile(saved, "utf8")).toContain("decay: cosine");
});
