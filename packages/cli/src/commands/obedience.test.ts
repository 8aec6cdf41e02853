// `vid2world obedience` explains itself, and a world that does not exist is named.
import { expect, test } from "vitest";
import { obedienceCommand } from "./obedience.js";

test("its help names the tests and shows examples", () => {
  const command = obedienceCommand();
  let text = "";
  command.configureOutput({ writeOut: (part) => void (text += part) });
  command.outputHelp();
  expect(text).toMatch(/exchanged actions, no action, growing and opposite actions/);
  expect(text).toMatch(/vid2world obedience doom/);
});

test("an unknown world is named", async () => {
  await expect(obedienceCommand().parseAsync(["node", "x", "no-such-world"])).rejects.toThrow(/no-such-world/);
});
