// What Prometheus may ask: `GET /metrics`. One registry per server, so that a process can have several.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { Engine, EngineLoad } from "../engine.js";
import type { DrawnFrame } from "./session-viewer.js";

/** The instruments of a server. */
export interface ServerMetrics {
  readonly registry: Registry;
  readonly opened: Counter<"how">;
  readonly messages: Counter<"type">;
  readonly errors: Counter<"code">;
  readonly sentBytes: Counter;
  readonly engineLosses: Counter;
  readonly connections: Gauge;
  /** A frame was drawn. */
  frame(frame: DrawnFrame): void;
}

const SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Makes the instruments. `counts` is asked whenever somebody looks. */
export function serverMetrics(
  engine: Engine,
  counts: () => { readonly sessions: number; readonly waiting: number },
): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: "vid2world_server_" });
  const name = (rest: string): string => `vid2world_${rest}`;
  new Gauge({ name: name("sessions"), help: "Sessions in the engine", registers, collect() { this.set(counts().sessions); } }); // prettier-ignore
  new Gauge({ name: name("queue"), help: "Clients waiting for a session", registers, collect() { this.set(counts().waiting); } }); // prettier-ignore
  engineGauges(engine, registers);
  const frames = new Counter({ name: name("frames_total"), help: "Frames drawn", registers });
  const seconds = new Histogram({
    name: name("frame_seconds"),
    help: "Seconds of a frame: waiting for its turn, in the network, in the decoder",
    labelNames: ["part"] as const,
    buckets: SECONDS,
    registers,
  });
  const batch = new Histogram({
    name: name("batch_frames"),
    help: "Frames computed in the same pass",
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  });
  return {
    registry,
    opened: new Counter({ name: name("opened_total"), help: "Sessions opened or come back to", labelNames: ["how"] as const, registers }), // prettier-ignore
    messages: new Counter({ name: name("messages_total"), help: "Messages of clients", labelNames: ["type"] as const, registers }), // prettier-ignore
    errors: new Counter({ name: name("errors_total"), help: "Errors told to clients", labelNames: ["code"] as const, registers }), // prettier-ignore
    sentBytes: new Counter({ name: name("sent_bytes_total"), help: "Bytes of frames sent", registers }),
    engineLosses: new Counter({ name: name("engine_losses_total"), help: "Sessions put back after their engine was lost", registers }), // prettier-ignore
    connections: new Gauge({ name: name("connections"), help: "Open WebSocket connections", registers }),
    frame({ timings, batch: together }) {
      frames.inc();
      batch.observe(together);
      for (const [part, milliseconds] of Object.entries(timings)) seconds.observe({ part }, milliseconds / 1000);
    },
  };
}

/** One question to the engine per look, for all of them. */
function engineGauges(engine: Engine, registers: Registry[]): void {
  let asked: Promise<EngineLoad | undefined> | undefined;
  const load = (): Promise<EngineLoad | undefined> => {
    // The gauges of a look are collected at once, so that they share an answer; the next look asks anew.
    asked ??= engine
      .load()
      .catch(() => undefined) // lost: the old figures stay
      .finally(() => (asked = undefined));
    return asked;
  };
  const gauges: Record<keyof EngineLoad, [name: string, help: string]> = {
    engines: ["engines", "Engine processes that run"],
    sessions: ["engine_sessions", "Sessions that the engines know"],
    sessionBytes: ["engine_session_bytes", "Memory of all sessions in the engine"],
    residentBytes: ["engine_resident_bytes", "Memory of the engine processes"],
    heapBytes: ["engine_heap_bytes", "Memory of JavaScript objects in the engine processes"],
    liveTensors: ["engine_live_tensors", "Tensors of the engine processes, the weights among them"],
    framesDrawn: ["engine_frames_drawn", "Frames that the engine has drawn since it started"],
  };
  for (const [key, [name, help]] of Object.entries(gauges))
    new Gauge({
      ...{ name: `vid2world_${name}`, help, registers },
      async collect() {
        const found = await load();
        if (found) this.set(found[key as keyof EngineLoad]);
      },
    });
}
