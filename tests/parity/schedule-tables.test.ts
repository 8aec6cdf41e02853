// The tables of the noise schedule as a complete checkpoint holds them. (The whole way from pixels to pixels: `vid2world verify`, kind e2e_small.)
import { scheduleTables } from "@vid2world/world/diffusion/schedule-tables";
import { scheduleKeys } from "@vid2world/world/model/key-maps/latent-video-diffusion";
import { hasFixture, manifest } from "@vid2world/world/model/testing/fixtures";
import { expect, test } from "vitest";
import { recordedSchedule } from "./small-world.js";

test.skipIf(!hasFixture("full_keys_causal.json"))(
  "the tables of the schedule have the shapes of a complete checkpoint (skipped without the shared fixtures)",
  () => {
    const { keys } = manifest<{ keys: Record<string, [number[], string]> }>("full_keys_causal.json");
    const shapes = [...scheduleTables(recordedSchedule())].map(([name, values]) => [name, [values.length]]);
    expect(shapes).toEqual(scheduleKeys.map((name) => [name, keys[name]?.[0]]));
  },
);
