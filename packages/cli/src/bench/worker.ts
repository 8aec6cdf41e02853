// Our side of a benchmark: one JSON request per line in, one JSON reply per line out (see protocol.ts).
import { createInterface } from "node:readline";
import { libtorchVersion, setNumThreads } from "@vid2world/torch";
import type { LoaderSession } from "./loader-session.js";
import type { MetricSession } from "./metric-session.js";
import { processMemory } from "./process-memory.js";
import { prepare } from "./prepare.js";
import type { Replies, Request } from "./protocol.js";
import { openSession, type Session } from "./session.js";
import { timeOperator } from "./small-operators.js";

let session: Session | undefined;
let loader: LoaderSession | undefined;
let metric: MetricSession | undefined;

function loaded(): Session {
  if (session === undefined) throw new Error("nothing is loaded");
  return session;
}

async function answer(request: Request): Promise<Replies[keyof Replies]> {
  switch (request.request) {
    case "hello":
      setNumThreads(request.threads);
      return { runtime: `Node ${process.versions.node}`, torch: libtorchVersion };
    case "operator":
      return { times: timeOperator(request.name, request.rounds) };
    case "prepare":
      await prepare(request);
      return {};
    case "load":
      session = await openSession(request);
      return { parameters: session.parameters };
    case "run":
      return loaded().repeat(request.what, request.count);
    case "outputs":
      await loaded().writeOutputs(request.mode, request.seed, request.path);
      return {};
    case "memory":
      return processMemory();
    case "curve":
      return { points: await loaded().curve(request) };
    case "open-loader":
      await loader?.close();
      // Here, and not above: what reads data sets must not count as the memory of a training step.
      loader = await (await import("./loader-session.js")).openLoaderSession(request);
      return loader.first;
    case "take-batches":
      if (loader === undefined) throw new Error("no loader is open");
      return loader.take(request.count);
    case "open-metric":
      metric = await (await import("./metric-session.js")).openMetricSession(request);
      return { values: metric.values, restKiB: metric.restKiB };
    case "run-metric":
      if (metric === undefined) throw new Error("no metric is open");
      return metric.repeat(request.count);
    case "score-folder":
      return (await import("./score-folder.js")).scoreFolder(request);
    case "make-data":
    case "open-sampler":
    case "frames":
    case "frame-output":
      throw new Error(`only the Python side is asked for ${request.request}`);
    default:
      throw new Error(`unknown request ${String((request satisfies never as Request).request)}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: object;
  try {
    reply = await answer(JSON.parse(line) as Request);
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
