import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataSchema, loaderOptions, openDataset } from "./data-schema.js";

const root = join(import.meta.dirname, "../../../..");
const smallest = { recordings: ["recordings/doom-e1m2"], frames: 16, height: 128, width: 160 };

it("fills in what has a sensible default and refuses what it does not know", () => {
  expect(dataSchema.parse(smallest)).toMatchObject({
    frameSkip: 1,
    clipStride: 1,
    batch: 1,
    workers: 2,
    shuffleSeed: 0,
  });
  expect(dataSchema.safeParse({ ...smallest, worker: 3 }).error?.issues[0]?.message).toMatch(/worker/);
  expect(loaderOptions(dataSchema.parse(smallest)).cacheBytes).toBe(2 ** 30);
});

describe.skipIf(!existsSync(join(root, "recordings")))("with the bundled recordings (skipped where left out)", () => {
  it("opens training clips and validation clips", async () => {
    const config = dataSchema.parse(smallest);
    expect((await openDataset(config, "train", { folder: root })).length).toBe(17 * (700 - 15));
    const val = await openDataset(config, "val", { folder: root });
    expect(val).toMatchObject({ length: 2 * (700 - 15), height: 120, width: 160, actionWidth: 6 });
    expect(val.inEpoch(3, 0)).toMatchObject({ start: 0, episode: { name: "bot_e1m2_05" } });
  });
});
