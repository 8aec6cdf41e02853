// Channels as people read and set them.
import { expect, test } from "vitest";
import { reconChannels } from "../../../world/src/data/recon/recon-channels.js";
import { rt1Channels } from "../../../world/src/data/rt1/rt1-channels.js";
import { commonWords, readable, usualRange } from "./channels.js";

test("names are read as words", () => {
  expect(["worldVectorX", "mouseXMinus60", "turn_left", "terminateEpisode0"].map(readable)).toEqual([
    ...["world vector x", "mouse x minus 60", "turn left", "terminate episode 0"],
  ]);
  expect(commonWords("rotation x", "rotation y")).toBe("rotation");
  expect(commonWords("forward", "turn")).toBe("");
});

test("sliders run over the whole range, unless hardly any of it is ever used", () => {
  const ranges = [...rt1Channels(), ...reconChannels()].flatMap((channel) =>
    channel.kind === "continuous" ? [[channel.name, usualRange(channel)] as const] : [],
  );
  expect(Object.fromEntries(ranges)).toMatchObject({
    worldVectorX: [-1, 1],
    baseRotation: [-Math.PI, Math.PI],
    turn: [-Math.PI, Math.PI],
    left: [-4, 4],
    forward: [expect.closeTo(-7 / 3), expect.closeTo(5 / 3)],
  });
});
