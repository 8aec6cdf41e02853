// TensorBoard's view of a run: curves, sample videos as GIFs, the configuration as text, in event files under the run's folder.
import { encodeGif } from "@vid2world/formats";
import { type EventFile, createEventFile } from "@vid2world/formats/event-file/event-file";
import type { EventValue } from "@vid2world/formats/event-file/event";
import type { ProgressEvent, SampleVideo, StartEvent, TrainingEvent } from "../events.js";
import { levelRange } from "../loss-by-level.js";
import type { Sink } from "./sink.js";

/** Options of {@link tensorboardSink}. */
export interface TensorboardOptions {
  /** The configuration as YAML, shown under Text; without secrets. */
  readonly config: string;
}

/** A sink that writes event files into `folder`. A resumed run takes back what its earlier parts wrote of the steps that it does again. */
export function tensorboardSink(folder: string, { config }: TensorboardOptions): Sink {
  let file: EventFile | undefined;
  let start: StartEvent | undefined;
  let encoding: Promise<void> = Promise.resolve();
  let failure: unknown;
  const begin = (step: number): EventFile => {
    const begun = createEventFile(folder, { resumedAt: step });
    begun.write(step, [text("run/configuration", config), ...(start ? [text("run/start", factsOf(start))] : [])]);
    return begun;
  };
  const write = (step: number, values: readonly EventValue[]): void => (file ??= begin(0)).write(step, values);

  return {
    name: "tensorboard",
    receive(event) {
      if (event.type === "start") start = event;
      else if (event.type === "resumed") file = begin(event.step + 1);
      else if (event.type === "progress") write(event.step, progressValues(event));
      else if (event.type === "validation") write(event.step, scalars("validation", event.metrics));
      else if (event.type === "warning" || event.type === "failed")
        write(stepOf(event), [text(`run/${event.type}`, event.message)]);
      // Encoded one after the other and beside training; close waits for it.
      else if (event.type === "samples") {
        encoding = encoding
          .then(async () => write(event.step, await gifs(event.samples)))
          .catch((error: unknown) => void (failure ??= error));
      }
    },
    async close() {
      await encoding;
      file?.close();
      if (failure !== undefined) throw failure as Error;
    },
  };
}

function progressValues(event: ProgressEvent): EventValue[] {
  const { metrics, lossByLevel = [], learningRate, stepsPerSecond, framesPerSecond, memory } = event;
  const { processBytes, deviceBytes } = memory;
  return [
    ...scalars("train", { ...metrics, learningRate }),
    ...lossByLevel.flatMap((value, i) =>
      value === null ? [] : scalars("loss by noise level", { [levelRange(i)]: value }),
    ),
    ...scalars("speed", { stepsPerSecond, ...(framesPerSecond !== undefined && { framesPerSecond }) }),
    ...scalars("memory", {
      "process GiB": processBytes / 2 ** 30,
      ...(deviceBytes !== undefined && { "device GiB": deviceBytes / 2 ** 30 }),
    }),
  ];
}

function scalars(group: string, values: Readonly<Record<string, number>>): EventValue[] {
  return Object.entries(values).map(([name, value]) => ({ kind: "scalar", tag: `${group}/${name}`, value }));
}

const stepOf = (event: TrainingEvent): number => ("step" in event ? (event.step ?? 0) : 0);

/** Markdown: four spaces make a block that is shown as it is. */
function text(tag: string, content: string): EventValue {
  return { kind: "text", tag, text: content.replaceAll(/^/gm, "    ") };
}

function factsOf({ kind, versions, machine }: StartEvent): string {
  const facts = Object.entries({ kind, ...versions, ...machine });
  return facts.map(([name, value]) => `${name}: ${value}`).join("\n");
}

function gifs(samples: readonly SampleVideo[]): Promise<EventValue[]> {
  return Promise.all(
    samples.map(async ({ name, frames_THWC, height, width, fps }): Promise<EventValue> => {
      const encoded = await encodeGif(frames_THWC, { height, width, fps });
      return { kind: "image", tag: `samples/${name}`, encoded, height, width };
    }),
  );
}
