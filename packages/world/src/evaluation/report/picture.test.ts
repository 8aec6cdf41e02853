// Pictures in plain bytes: enlarging, joining, writing.

import { describe, expect, test } from "vitest";
import { glyph } from "./font.js";
import { blankPicture, drawText, filmStrip, frameOf, joinPanels, paste } from "./picture.js";

const red = { height: 1, width: 1, data_HWC: Uint8Array.of(255, 0, 0) };

test("pasting enlarges every pixel and stops at the border", () => {
  const target = blankPicture(3, 3, [0, 0, 0]);
  paste(target, red, 2, 1, 2);
  const reds = [...target.data_HWC].flatMap((value, i) => (value === 255 ? [i / 3] : []));
  expect(reds).toEqual([7, 8]);
});

test("text is legible pixel by pixel", () => {
  const target = blankPicture(7, 6, [0, 0, 0]);
  drawText(target, "T", 0, 0);
  const rows = Array.from({ length: 7 }, (_, y) =>
    Array.from({ length: 5 }, (_, x) => (target.data_HWC[(y * 6 + x) * 3] === 255 ? "#" : ".")).join(""),
  );
  expect(rows).toEqual(["#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."]);
});

test("every sign that labels use has a glyph of its own of seven rows", () => {
  for (const sign of "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-+/|%()#'=!_<>*") {
    expect(glyph(sign)).toHaveLength(7);
    expect(glyph(sign)).not.toEqual(glyph("?"));
  }
  expect(glyph("a")).toEqual(glyph("A"));
  expect(glyph("é")).toEqual(glyph("?"));
});

describe("joinPanels", () => {
  test("has even sides, as the video codec needs", () => {
    for (const width of [15, 16, 17]) {
      const panels = [1, 2, 3].map((n) => ({ label: `${n}`, picture: blankPicture(11, width) }));
      for (const options of [{}, { columns: 2, footer: "x" }, { scale: 3 }]) {
        const joined = joinPanels(panels, options);
        expect([joined.height % 2, joined.width % 2, joined.data_HWC.length]).toEqual([
          0,
          0,
          joined.height * joined.width * 3,
        ]);
      }
    }
  });

  test("refuses nothing at all", () => {
    expect(() => joinPanels([])).toThrow(/at least one panel/);
    expect(() => filmStrip([])).toThrow(/at least one frame/);
  });
});

test("a frame beyond the end of a clip is an error", () => {
  expect(frameOf(new Uint8Array(24), 1, 2, 2).data_HWC).toHaveLength(12);
  expect(() => frameOf(new Uint8Array(24), 2, 2, 2)).toThrow(/below 2/);
});
