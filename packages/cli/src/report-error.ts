// How an error that ended a command is shown: one clear message, the stack only on request.

/** The classes whose message is written for the user. By name, so that showing an error loads no package. */
const EXPLAINED: ReadonlySet<string> = new Set([
  "ChangedConfigError",
  "CheckpointMismatchError",
  "CheckpointWriteError",
  "ConfigError",
  "OutOfMemoryError",
  "DisposedTensorError",
  "BrokenDataError",
  "FormatError",
  "FrameReadError",
  "InvalidArgumentError",
  "MediaToolError",
  "ProcessGroupError",
  "RunFolderError",
  "ShapeError",
  "TorchError",
  "UnstableTrainingError",
]);

/** The message for standard error, without the final newline. */
export function describeError(error: unknown, { verbose }: { verbose: boolean }): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  if (verbose) return `error: ${withCauses(error)}`;
  const { code } = error as NodeJS.ErrnoException;
  const explained = EXPLAINED.has(error.name) || code !== undefined; // system errors name the file and what was refused
  return explained
    ? `error: ${error.message}`
    : `error: ${error.message || error.name} (a fault inside vid2world: --verbose shows where)`;
}

/** Prints the error and returns the exit code: 2 for what the user can mend in the call or configuration, else 1. */
export function reportError(error: unknown, options: { verbose: boolean }): number {
  console.error(describeError(error, options));
  const name = error instanceof Error ? error.name : "";
  return ["ConfigError", "ChangedConfigError", "InvalidArgumentError"].includes(name) ? 2 : 1;
}

function withCauses(error: Error): string {
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack;
}
