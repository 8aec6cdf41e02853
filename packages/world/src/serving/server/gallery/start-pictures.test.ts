// Pictures of starts.
import sharp from "sharp";
import { expect, test } from "vitest";
import { arithmeticEngine } from "../../testing/arithmetic-engine.js";
import { testStart } from "../../testing/test-server.js";
import { fixedGallery } from "./gallery.js";
import { StartPictures } from "./start-pictures.js";

test("every picture is made once, one at a time, and one that failed again when it is asked for", async () => {
  const gallery = fixedGallery([testStart, testStart, testStart]);
  const made: string[] = [];
  let working = 0;
  const start = async (id: string) => {
    expect(++working).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    working--;
    made.push(id);
    if (made.length === 2) throw new Error("no decoder");
    return gallery.start(id);
  };
  const pictures = new StartPictures({ ...gallery, start }, arithmeticEngine().world);
  pictures.prepare();
  await expect(pictures.of("start-1")).rejects.toThrow("no decoder");
  const all = await Promise.all(gallery.entries.map(({ id }) => pictures.of(id)));
  expect(made).toEqual(["start-0", "start-1", "start-2", "start-1"]);
  expect((await sharp(all[0]).metadata()).width).toBe(8);
});
