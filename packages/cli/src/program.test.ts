// The command line as a whole.
import { expect, test } from "vitest";

import { commands } from "./commands/table.js";
import { createProgram } from "./program.js";

test("--help names every command with its summary", async () => {
  const help = (await createProgram(["--help"])).helpInformation().replaceAll(/\s+/g, " ");
  expect(commands.length).toBeGreaterThan(0);
  for (const { name, summary } of commands) expect(help).toMatch(new RegExp(`\\b${name}\\b.* ${summary}`));
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
