#!/usr/bin/env node
// The `vid2world` command: reads the arguments, runs one command, turns its outcome into an exit code.
import { createProgram } from "./program.js";
import { reportError } from "./report-error.js";

// A closed pipe (`vid2world ... | head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const argv = process.argv.slice(2);
try {
  const program = await createProgram(argv);
  await program.parseAsync(argv, { from: "user" });
} catch (error) {
  process.exitCode = reportError(error, {
    verbose: argv.includes("--verbose") || process.env["VID2WORLD_DEBUG"] === "1",
  });
}
