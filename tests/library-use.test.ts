// The README's library example, word for word, in an empty project outside of the repository: installed as the README says
// (links, without network), with a world of random weights under the name that the example loads.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeVideo } from "@vid2world/formats";
import { readHeader } from "@vid2world/world/data/recording-format";
import { afterAll, beforeAll, expect, test } from "vitest";

import { saveDebugWorld } from "./debug-world.js";
import { root } from "./imports.js";

let project = "";
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "vid2world-project-"));
  await writeFile(join(project, "package.json"), '{ "private": true }\n');
  await symlink(root, join(project, "vid2world")); // where a reader's checkout would be
});
afterAll(() => rm(project, { recursive: true, force: true }));

/** The blocks of the README in a language that hold a text. */
async function block(language: string, text: string): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
  const found = blocks.find(([, name, body = ""]) => name === language && body.includes(text))?.[2];
  if (found === undefined) throw new Error(`README.md has no ${language} block with ${text}`);
  return found;
}

const run = (program: string, words: readonly string[]): string =>
  execFileSync(program, words, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test("the README's example works in an empty project", async () => {
  const [npm = "", ...words] = (await block("bash", "npm install ./vid2world")).trim().split(" ");
  run(npm, [...words, "--offline", "--no-audit", "--no-fund", "--cache", join(project, "no-cache")]);

  const { channels } = await readHeader(join(root, "recordings/doom-e1m2/actions.json"));
  const frame = { width: 160, height: 120, paddedHeight: 128 };
  await saveDebugWorld(join(project, "worlds/doom"), { name: "doom", frame, channels });

  await writeFile(join(project, "play.mjs"), await block("js", "loadWorld"));
  run(process.execPath, ["play.mjs"]);
  expect(await probeVideo(join(project, "played.mp4"))).toMatchObject({ width: 160, height: 120, frames: 24 });
});

test("a project in TypeScript finds the types", async () => {
  const lib = ["ES2022", "ESNext.Disposable"];
  const types = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
  const compilerOptions = { module: "NodeNext", target: "ES2022", strict: true, noEmit: true, lib, ...types };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["play.mts"] }));
  const lines = [
    'import { loadWorld } from "@vid2world/world";',
    "export const play = async (): Promise<Uint8Array> =>",
  ];
  await writeFile(
    join(project, "play.mts"),
    [...lines, '  (await loadWorld("doom")).step({ forward: 1 });'].join("\n"),
  );
  expect(run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project])).toBe("");
});
