// Our side's open data loader: batches in the dataset's order, and the time that they take.
import { crc32 } from "node:zlib";
import type { Dataset } from "@vid2world/world/data/dataset";
import { createLoader } from "@vid2world/world/data/loader";
import { openTrainingClips } from "@vid2world/world/data/open-dataset";
import type { OpenLoaderRequest, Replies } from "./protocol.js";

/** A loader that was started. */
export interface LoaderSession {
  /** How long the first batch took, and what is in it. */
  readonly first: Replies["open-loader"];
  take(count: number): Promise<Replies["take-batches"]>;
  close(): Promise<void>;
}

/** The clips of a loading benchmark, which both sides read in this order. */
export function benchmarkClips({
  domain,
  folder,
  frames,
  seed,
}: Omit<OpenLoaderRequest, "clips" | "request">): Promise<Dataset> {
  return openTrainingClips({ domain, folder }, { frames, shuffleSeed: seed });
}

/** Starts a loader. The list of clips is known before, as on the other side: opening the files is not part of the time. */
export async function openLoaderSession(request: OpenLoaderRequest): Promise<LoaderSession> {
  const { batch, workers } = request;
  const dataset = await benchmarkClips(request);
  const begun = performance.now();
  const onSkip = ({ reason }: { readonly reason: string }): never => {
    throw new Error(reason);
  };
  const loader = createLoader(dataset, { batch, workers, prefetch: 2, onSkip });
  const next = async (): Promise<NonNullable<Awaited<ReturnType<typeof loader.next>>>> => {
    const some = await loader.next();
    if (some === undefined) throw new Error("internal: an endless loader ended");
    return some;
  };
  using first = await next();
  const { frames_BTHWC, actions_BTA } = first;
  return {
    first: {
      firstMilliseconds: performance.now() - begun,
      frames: crc32(frames_BTHWC),
      actions: actions_BTA.reduce((sum, value) => sum + Math.abs(value), 0),
    },
    async take(count) {
      const [start, cpuStart] = [performance.now(), process.cpuUsage()];
      let frames = 0;
      for (let i = 0; i < count; i++) {
        using some = await next();
        frames += some.batch * some.frames;
      }
      const { user, system } = process.cpuUsage(cpuStart);
      return { frames, time: performance.now() - start, cpuTime: (user + system) / 1000 };
    },
    close: () => loader.close(),
  };
}
