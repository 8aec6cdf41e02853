// Where a world can be started: data sets, recordings, pictures and videos, by what lies there.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csgoChannels } from "../../../data/csgo/csgo-actions.js";
import { reconChannels } from "../../../data/recon/recon-channels.js";
import { rt1Channels } from "../../../data/rt1/rt1-channels.js";
import { example } from "../../../data/testing/oracle.js";
import type { EngineWorld } from "../../engine.js";
import { arithmeticEngine } from "../../testing/arithmetic-engine.js";
import { openGallery } from "./open-gallery.js";

const formats = example("formats") ?? "";
const shared = test.skipIf(formats === ""); // the examples lie beside a checkout, not in it

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-gallery-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const world = (more: Partial<EngineWorld> = {}): EngineWorld => ({
  ...arithmeticEngine().world,
  ...{ width: 64, height: 40, contextFrames: 4, ...more },
});

shared("a folder of RECON or RT-1 offers starts with their actions, and what follows them", async () => {
  const recon = world({ channels: reconChannels() });
  const gallery = await openGallery([join(formats, "recon_processed")], recon);
  const [entry] = gallery.entries;
  expect(entry?.truthFrames).toBeGreaterThan(0);
  const { frames, actions } = await gallery.start(entry?.id ?? "");
  expect(frames).toHaveLength(4 * 64 * 40 * 3);
  expect(actions?.map((row) => row.length)).toEqual([3, 3, 3]);
  expect(await gallery.truth(entry?.id ?? "", 4)).toHaveLength(64 * 40 * 3);

  const rt1 = await openGallery([join(formats, "expected")], world({ channels: rt1Channels() }));
  const start = await rt1.start(rt1.entries[0]?.id ?? "");
  expect(start.actions?.map((row) => row.length)).toEqual([13, 13, 13]);
  // A world that takes other actions starts there as well, at rest.
  const other = await openGallery([join(formats, "expected")], world({ channels: csgoChannels() }));
  expect((await other.start(other.entries[0]?.id ?? "")).actions).toBeUndefined();
});

shared("data sets as they are downloaded are refused with the command that converts them", async () => {
  await expect(openGallery([join(formats, "rlds/fractal20220817_data/0.1.0")], world())).rejects.toThrow(
    "data convert rt1",
  );
  await expect(openGallery([join(formats, "csgo_tar")], world())).rejects.toThrow("data convert csgo");
  await expect(openGallery([join(formats, "recon_release")], world())).rejects.toThrow("data convert recon");
});

test("a picture, and a folder of pictures, is a start each; anything else is refused", async () => {
  const red = sharp({ create: { width: 30, height: 20, channels: 3, background: "#cc1100" } });
  await red.png().toFile(join(folder, "red.png"));
  for (const path of [folder, join(folder, "red.png")]) {
    const gallery = await openGallery([path], world());
    expect(gallery.entries).toEqual([{ id: "start-0", title: "red", truthFrames: 0 }]);
    expect([...(await gallery.start("start-0")).frames.slice(-3)]).toEqual([0xcc, 0x11, 0x00]);
  }
  await expect(openGallery([join(folder, "absent")], world())).rejects.toThrow("no such file");
  await expect(openGallery([import.meta.dirname], world())).rejects.toThrow("no training data that is known");
  await expect(openGallery([import.meta.filename], world())).rejects.toThrow(/open-gallery.test.ts/);
});
