// The command line as a whole.
import { expect, test } from "vitest";

import { commands } from "./commands/table.js";
import { createProgram } from "./program.js";

test("--help names every command with its summary", async () => {
  const help = (await createProgram(["--help"])).helpInformation().replaceAll(/\s+/g, " ");
  expect(commands.length).toBeGreaterThan(0);
  for (const { name, summary } of commands) expect(help).toMatch(new RegExp(`\\b${name}\\b.* ${summary}`));
});

/** What a wrong call says on standard error. */
async function complaintOf(...words: string[]): Promise<string> {
  const program = await createProgram(words);
  let said = "";
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeErr: (text) => void (said += text) });
  await expect(program.parseAsync(words, { from: "user" })).rejects.toMatchObject({ exitCode: 1 });
  return said;
}

test("a mistyped command or option is told what was probably meant", async () => {
  expect(await complaintOf("trian")).toMatch(/unknown command 'trian'\n\(Did you mean train\?\)/);
  expect(await complaintOf("demo", "--step", "3")).toMatch(/unknown option '--step'\n\(Did you mean .*--steps.*\?\)/);
  expect(await complaintOf("demo", "--starts", "1")).toMatch(/--starts takes a whole number from 2 on/);
  expect(await complaintOf("train")).toMatch(/missing required argument 'config'/);
});

test("every command loads, has a description, and no name occurs twice", async () => {
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  for (const { name } of commands) {
    const program = await createProgram([name, "--help"]);
    const command = program.commands.find((candidate) => candidate.name() === name);
    expect(command?.description(), name).not.toBe("");
    expect(command?.helpInformation()).toMatch(new RegExp(`^Usage: vid2world ${name}`));
  }
});
