// `bench sessions`: what a new frame costs when several sessions are evaluated as one batch, and the memory that they hold.
import { libtorchVersion, manualSeed, noGrad, scope, setNumThreads } from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { UNetStream } from "@vid2world/world/model/unet/unet-stream";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { type CaseName, openCase } from "./cases.js";
import { type Circumstances, circumstances } from "./circumstances.js";
import { cpuTimed, frameInput } from "./run-streaming.js";
import { timesOf } from "./timing.js";

/** Sessions side by side. */
export interface SessionsFigures {
  readonly sessions: number;
  /** Processor milliseconds of one evaluation of all sessions' new frames, and of remembering them, medians. */
  readonly newFrame: number;
  readonly commit: number;
  readonly memoryBytes: number;
}

/** What `bench sessions` found. */
export interface SessionsResult extends Circumstances {
  readonly benchmark: "sessions";
  readonly case: CaseName;
  readonly context: number;
  readonly figures: readonly SessionsFigures[];
}

/** Runs the benchmark with random weights, the numbers of sessions in turns. */
export async function runSessions(options: {
  readonly case: CaseName;
  readonly sessions: readonly number[];
  readonly context: number;
  readonly rounds: number;
  readonly threads: number;
}): Promise<SessionsResult> {
  const { context, rounds, threads } = options;
  setNumThreads(threads);
  const opened = await openCase(options.case, 1);
  manualSeed(0);
  const model = { ...opened.run.model, temporalNorm: "causal", causal: true, temporalLength: context + 1 } as const;
  const stream = new UNetStream(new UNet3D(model).eval().requiresGrad_(false));
  const runs = options.sessions.map((sessions) => ({
    sessions,
    frame: frameInput(opened, 1, sessions),
    history: stream.begin(frameInput(opened, context, sessions)).history,
    newFrame: [] as number[],
    commit: [] as number[],
  }));
  // The first two turns make the traces.
  for (let round = -2; round < rounds; round++)
    for (const { frame, history, newFrame, commit } of runs) {
      const timed = (body: () => void): number => cpuTimed(() => noGrad(() => scope(body)));
      const predicted = timed(() => void stream.predict(history, frame));
      const committed = timed(() => stream.commit(history, frame).history.dispose());
      if (round < 0) continue;
      newFrame.push(predicted);
      commit.push(committed);
    }
  const figures = runs.map(({ sessions, history, newFrame, commit }) => {
    const memoryBytes = history.bytes;
    history.dispose();
    return { sessions, newFrame: timesOf(newFrame).median, commit: timesOf(commit).median, memoryBytes };
  });
  stream.dispose();
  const where = circumstances(threads, { libtorch: libtorchVersion });
  return { benchmark: "sessions", ...where, case: options.case, context, figures };
}

/** The result as a table. */
export function showSessions({ case: name, context, figures }: SessionsResult): string {
  const heading = [
    `${name}, context ${context}: sessions`,
    "new frame, CPU ms",
    "a session",
    "commit, CPU ms",
    "memory MiB",
  ];
  const rows = figures.map(({ sessions, newFrame, commit, memoryBytes }) => [
    ...[String(sessions), newFrame.toFixed(1), (newFrame / sessions).toFixed(1), commit.toFixed(1)],
    (memoryBytes / 2 ** 20).toFixed(1),
  ]);
  return textTable([heading, ...rows]);
}
