// What sinks write, that none of them ends a run, and that no secret reaches them.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readEventFile } from "@vid2world/formats/event-file/event-file";
import type { EventValue } from "@vid2world/formats/event-file/event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ProgressEvent, TrainingEvent } from "../events.js";
import { metricsLog } from "./metrics-log.js";
import { redactor } from "./redact.js";
import { runLog } from "./run-log.js";
import { joinSinks } from "./sink.js";
import { tensorboardSink } from "./tensorboard.js";
import { openWandb } from "./wandb.js";

/** Typed as any name: whether it is installed is what the test asks. */
const PACKAGE: string = "@wandb/sdk";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), "sinks-"))));
afterEach(() => rm(folder, { recursive: true }));

const start: TrainingEvent = {
  type: "start",
  kind: "world",
  resume: false,
  versions: { node: "v20" },
  machine: { cores: 2 },
};
const progress = (step: number): ProgressEvent => ({
  ...{ type: "progress", step, metrics: { loss: 1 / step, gradientNorm: NaN }, lossByLevel: [0.5, null] },
  ...{ learningRate: 1e-3, stepsPerSecond: 2, framesPerSecond: 32, memory: { processBytes: 2 ** 30 } },
  ...{ progress: 0.1, minutes: 1, secondsLeft: 9 },
});
const frames_THWC = new Uint8Array(2 * 4 * 4 * 3);
const samples: TrainingEvent = {
  type: "samples",
  step: 8,
  samples: [{ name: "clip a", file: "validation/step-8/a.mp4", height: 4, width: 4, fps: 8, frames_THWC }],
};
const lines = async (file: string): Promise<Record<string, unknown>[]> =>
  (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("metrics.jsonl has every number under its own name, log.jsonl what happened, with time and level", async () => {
  const [metrics, log] = [path.join(folder, "new", "metrics.jsonl"), path.join(folder, "log.jsonl")];
  const sinks = joinSinks([metricsLog(metrics, () => 5000), runLog(log, () => 5000)]);
  const events: TrainingEvent[] = [start, progress(4), samples];
  for (const done of [1, 2]) events.push({ type: "prepare", what: "read frames", done, total: 2 });
  events.push({ type: "warning", message: "slow", step: 5 }, { type: "failed", message: "boom" });
  events.forEach(sinks.receive);
  await sinks.close();
  const [first, second, third] = await lines(metrics);
  expect(first).toMatchObject({ time: 5, type: "start", kind: "world" });
  expect(second).toMatchObject({ type: "progress", loss: 0.25, gradientNorm: null, lossByLevel: [0.5, null] });
  expect(third).toEqual({ time: 5, type: "samples", step: 8, files: ["validation/step-8/a.mp4"] });
  expect((await lines(log)).map(({ level, event }) => `${String(level)} ${String(event)}`)).toEqual([
    "info start",
    "info samples",
    "info prepare",
    "warn warning",
    "error failed",
  ]);
  expect((await lines(log))[0]?.["time"]).toBe("1970-01-01T00:00:05.000Z");
});

test("TensorBoard gets curves, videos and the configuration; a resumed part takes back what it does again", async () => {
  const read = async (file: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { step, values, sessionStart } of readEventFile(path.join(folder, file))) {
      if (sessionStart === true) found.push(`session from ${step}`);
      found.push(...values.map((value: EventValue) => `${step} ${value.kind} ${value.tag}`));
    }
    return found;
  };
  const first = tensorboardSink(folder, { config: "kind: world" });
  [start, progress(4), { type: "validation", step: 4, metrics: { psnr: 20 } } as const, samples].forEach(first.receive);
  await first.close?.();
  const [file = ""] = await readdir(folder);
  expect(await read(file)).toEqual([
    "session from 0",
    "0 text run/configuration",
    "0 text run/start",
    ...["train/loss", "train/gradientNorm", "train/learningRate", "loss by noise level/0.0-0.1"].map(
      (t) => `4 scalar ${t}`,
    ),
    ...["speed/stepsPerSecond", "speed/framesPerSecond", "memory/process GiB"].map((t) => `4 scalar ${t}`),
    "4 scalar validation/psnr",
    "8 image samples/clip a",
  ]);
  const second = tensorboardSink(folder, { config: "kind: world" });
  [start, { type: "resumed", step: 2, file: "x" } as const, progress(4)].forEach(second.receive);
  await second.close?.();
  const other = (await readdir(folder)).find((name) => name !== file) ?? "";
  expect((await read(other))[0]).toBe("session from 3");
});

test("a sink that fails is left out, and the others and the caller hear of it", async () => {
  const seen: string[] = [];
  const warnings: TrainingEvent[] = [];
  const broken = {
    name: "broken",
    receive: () => {
      throw new Error("no space left");
    },
  };
  const whole = { name: "whole", receive: ({ type }: TrainingEvent) => void seen.push(type) };
  const late = { name: "late", receive: () => {}, close: () => Promise.reject(new Error("gone")) };
  const sinks = joinSinks([broken, whole, late], (event) => warnings.push(event));
  sinks.receive(start);
  sinks.receive(progress(1));
  await sinks.close();
  expect(seen).toEqual(["warning", "start", "progress", "warning"]);
  expect(warnings).toMatchObject([
    { message: "broken: no space left; nothing more is written to it" },
    { message: "late: gone; nothing more is written to it" },
  ]);
});

test("secrets are hidden wherever they stand, other things stay", () => {
  const redact = redactor({
    WANDB_API_KEY: "0123456789abcdef",
    HF_TOKEN: "hf_abcdefgh",
    SHORT_TOKEN: "on",
    HOME: "/home/somebody",
  });
  expect(
    redact({
      apiKey: "anything",
      nested: [{ hf_token: "x", note: "sent 0123456789abcdef to https://me:pw@host/path" }],
      textTokens: 77,
      keys: { ArrowLeft: -1 },
      home: "/home/somebody",
      bytes: Uint8Array.of(1),
    }),
  ).toEqual({
    apiKey: "[redacted]",
    nested: [{ hf_token: "[redacted]", note: "sent [redacted] to https://[redacted]@host/path" }],
    textTokens: 77,
    keys: { ArrowLeft: -1 },
    home: "/home/somebody",
    bytes: Uint8Array.of(1),
  });
});

test("Weights & Biases is driven through its client, which may not take over the signals", async () => {
  const logged: unknown[] = [];
  const environment = { WANDB_API_KEY: "0123456789abcdef" };
  let options: object = {};
  const load = () =>
    Promise.resolve({
      init: (given: object) => {
        options = given;
        process.once("SIGINT", () => undefined);
        return Promise.resolve({
          log: (data: object, step?: number) => void logged.push([step, data]),
          finish: (code?: number) => Promise.resolve(void logged.push(["finish", code])),
        });
      },
    });
  const before = process.listenerCount("SIGINT");
  const sink = await openWandb({ project: "doom" }, { config: { kind: "world" }, id: "abc", load, environment });
  expect(process.listenerCount("SIGINT")).toBe(before);
  expect(options).toMatchObject({ project: "doom", id: "abc", resume: "allow", config: { kind: "world" } });
  expect(JSON.stringify(options)).not.toContain("0123456789abcdef");
  sink.receive(progress(4));
  sink.receive({ type: "validation", step: 4, metrics: { psnr: 20 } });
  sink.receive({ type: "end", step: 4, finished: true, minutes: 1 });
  await sink.close?.();
  expect(logged[0]).toMatchObject([4, { "train/loss": 0.25, "loss by noise level/level 0.0-0.1": 0.5 }]);
  expect(logged.slice(1)).toEqual([
    [4, { "validation/psnr": 20 }],
    ["finish", 0],
  ]);
});

test("without its key or its client, asking for Weights & Biases is an error that says what to do", async () => {
  const given = { config: {}, id: "abc" };
  await expect(openWandb({ project: "doom" }, { ...given, environment: {} })).rejects.toThrow(/WANDB_API_KEY/);
  const installed = await import(PACKAGE).then(
    () => true,
    () => false,
  );
  if (!installed)
    await expect(openWandb({ project: "doom" }, { ...given, environment: { WANDB_API_KEY: "x" } })).rejects.toThrow(
      /npm install @wandb\/sdk/,
    );
});
