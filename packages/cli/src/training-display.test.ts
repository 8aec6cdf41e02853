// What the lines of a training run look like.
import { expect, test } from "vitest";

import { createTrainingDisplay } from "./training-display.js";

function recorded() {
  const written: string[] = [];
  const clock = { time: 0 };
  const output = { isTTY: false, columns: 80, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
  return { display: createTrainingDisplay(output, () => clock.time), written, clock };
}

test("each preparation has a counter of its own, with its own rate and time", () => {
  const { display, written, clock } = recorded();
  const prepare = (what: string, total: number, seconds: number): void => {
    for (let done = 0; done <= total; done += total / 4) {
      display.show({ type: "prepare", what, done, total });
      clock.time += (seconds * 1000) / 4;
    }
  };
  prepare("read frames", 1000, 8);
  prepare("read validation frames", 100, 4);
  prepare("read validation frames", 40, 4); // the same name again, of something else
  display.close();
  expect(written).toEqual([
    "read frames 1000/1000 frames  100/s  took 10 s\n",
    "read validation frames 100/100 frames  20.0/s  took 5 s\n",
    "read validation frames 40/40 frames  8.0/s  took 5 s\n",
  ]);
});

test("a step is shown with its measures, rate and the time left", () => {
  const { display, written } = recorded();
  const metrics = { loss: 0.5 };
  display.show({
    ...{ type: "progress", step: 10, metrics, learningRate: 1e-3, stepsPerSecond: 0.5, memory: { processBytes: 1e9 } },
    ...{ progress: 0.25, minutes: 1, secondsLeft: 60 },
  });
  display.show({ type: "checkpoint", step: 10, file: "a.safetensors" });
  expect(written).toEqual([
    "step 10  25 %  loss 0.5000  lr 1.0e-3  2.0 s/step  1 min 00 s left\n",
    "step 10  saved a.safetensors\n",
  ]);
});
