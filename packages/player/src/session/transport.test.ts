// What the buttons ask the server for, with a server that only writes it down.
import { expect, test } from "vitest";
import type { PlayRequest, SessionState } from "../protocol.js";
import { createRemoteState } from "./remote-state.js";
import { createState } from "./state.js";
import { type Transport, createTransport } from "./transport.js";

interface Deck {
  readonly transport: Transport;
  readonly state: ReturnType<typeof createState>;
  /** What was asked for, in order. */
  readonly asked: PlayRequest[];
  /** The server drew a frame, which the screen does not show yet. */
  readonly drew: (node: number) => void;
}

/** A session of frames 0 to 9 in a row, the last of them shown. */
function deck(): Deck {
  const state = createState();
  for (let node = 0; node < 10; node++)
    state.timeline.value.add({ node, frame: node, ...(node > 0 && { parent: node - 1 }) });
  const asked: PlayRequest[] = [];
  const now: { -readonly [K in keyof SessionState]: SessionState[K] } = {
    ...{ phase: "paused", node: 9, fps: 10, settings: { guidanceScale: 1, numSteps: 2, decoder: "full" } },
  };
  const request = (message: PlayRequest): Promise<unknown> => {
    asked.push(message);
    if (message.type === "play") now.phase = "playing";
    if (message.type === "pause" || message.type === "goto") now.phase = "paused";
    if (message.type === "goto") now.node = message.node;
    if (message.type === "settings")
      now.settings = { ...now.settings, ...(message.settings as SessionState["settings"]) };
    return Promise.resolve({ type: "state", state: { ...now } });
  };
  const remote = createRemoteState(state, () => ({ request }) as never);
  remote.accept({ ...now });
  state.shown.value = 9;
  const display = (node: number): Promise<void> => Promise.resolve(void (state.shown.value = node));
  const transport = createTransport({ state, remote, display, action: () => ({ forward: 1 }) });
  const drew = (node: number): void => {
    state.timeline.value.add({ node, frame: node, parent: node - 1 });
    now.node = node;
    remote.moved(node);
  };
  return { transport, state, asked, drew };
}

const types = (asked: readonly PlayRequest[]): string[] => asked.map(({ type }) => type);

test("a frame that is only late is no reason to go back to the one before it", async () => {
  const { transport, asked, drew } = deck();
  await transport.play();
  drew(10);
  await transport.step();
  await transport.play();
  expect(types(asked)).toEqual(["play", "pause", "step", "play"]);
  expect(asked[2]).toEqual({ type: "step", action: { forward: 1 } });
});

test("whoever looks at an earlier frame steps and plays on from there", async () => {
  const { transport, asked } = deck();
  await transport.showFrame(4);
  await transport.step();
  expect(asked).toEqual([{ type: "step", from: 4, action: { forward: 1 } }]);
  await transport.showFrame(6);
  await transport.play();
  expect(asked.slice(1).map((one) => (one.type === "goto" ? one.node : one.type))).toEqual([6, "play"]);
});

test("play and pause count as soon as they are pressed", async () => {
  const { transport, state, asked } = deck();
  const all = [transport.toggle(), transport.toggle(), transport.toggle()];
  expect(state.phase.value).toBe("playing");
  await Promise.all(all);
  expect(types(asked)).toEqual(["play", "pause", "play"]);
  expect(state.phase.value).toBe("playing");
});

test("a speed that was chosen while paused is asked for with the next play, whatever was answered in between", async () => {
  const { transport, asked } = deck();
  await transport.setFps(30);
  await transport.change({ numSteps: 5 });
  await transport.play();
  expect(asked.at(-1)).toEqual({ type: "play", fps: 30 });
});

test("the last of many settings wins, and those between are not all sent", async () => {
  const { transport, state, asked } = deck();
  const all = [3, 4, 5, 6, 7].map((numSteps) => transport.change({ numSteps }));
  expect(state.settings.value?.numSteps).toBe(7);
  await Promise.all(all);
  expect(state.settings.value?.numSteps).toBe(7);
  expect(asked).toHaveLength(2);
});

test("play that is asked for while the connection is lost waits for it, unless somebody looks back meanwhile", async () => {
  const { transport, state, asked } = deck();
  state.status.value = { kind: "lost" };
  await transport.play();
  expect([state.playsOnReturn.value, state.phase.value]).toEqual([true, "paused"]);
  await transport.showFrame(4);
  expect(state.playsOnReturn.value).toBe(false);
  expect(asked).toEqual([]);
});

test("a saved session that is played again ends where somebody goes another way", async () => {
  const { transport, state } = deck();
  state.replayFrames.value = 7;
  await transport.pause();
  await transport.play();
  expect(state.replayFrames.value).toBe(7);
  await transport.showFrame(4);
  await transport.play();
  expect(state.replayFrames.value).toBe(0);
});

test("a key that is held for steps leaves none to be drawn when it is let go", async () => {
  const { transport, asked } = deck();
  await Promise.all(Array.from({ length: 30 }, () => transport.step()));
  expect(types(asked)).toEqual(["step", "step"]);
});
