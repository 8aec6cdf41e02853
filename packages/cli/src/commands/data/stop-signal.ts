// Ctrl-C as an abort signal, so that long commands end cleanly and can be gone on with.

/** Runs `work` with a signal that Ctrl-C aborts; `kept` says what remains of the work. */
export async function withStopSignal<T>(kept: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  // The code marks it as no fault of the program's.
  const interrupt = (): void => stop.abort(Object.assign(new Error(`interrupted: ${kept}`), { code: "EINTR" }));
  process.once("SIGINT", interrupt);
  try {
    return await work(stop.signal);
  } finally {
    process.off("SIGINT", interrupt);
  }
}
