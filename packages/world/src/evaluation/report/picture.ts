// Small RGB pictures in plain bytes: paste enlarged, write labels, join panels. What videos and contact sheets are made of.
// Axes: H height, W width, C colour (RGB, uint8).

import { invalid } from "@vid2world/formats";
import { glyph, glyphHeight, glyphWidth } from "./font.js";

/** An RGB picture, H*W*3 bytes. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly data_HWC: Uint8Array;
}

/** Red, green, blue, 0..255. */
export type Colour = readonly [number, number, number];

const white: Colour = [255, 255, 255];
const ink: Colour = [24, 26, 30];

/** A picture of one colour. */
export function blankPicture(height: number, width: number, colour: Colour = ink): Picture {
  const data_HWC = new Uint8Array(height * width * 3);
  for (let i = 0; i < data_HWC.length; i++) data_HWC[i] = colour[i % 3] ?? 0;
  return { height, width, data_HWC };
}

/** Frame `index` of RGB bytes T*H*W*3, without copying. Throws if the clip is shorter. */
export function frameOf(frames_THWC: Uint8Array, index: number, height: number, width: number): Picture {
  const size = height * width * 3;
  if (index < 0 || (index + 1) * size > frames_THWC.length) {
    throw invalid("index", `a frame number below ${Math.floor(frames_THWC.length / size)}`, index);
  }
  return { height, width, data_HWC: frames_THWC.subarray(index * size, (index + 1) * size) };
}

/** Copies `source` into `target`, its corner at row `top` and column `left`, every pixel `scale` x `scale`; clipped. */
export function paste(target: Picture, source: Picture, top: number, left: number, scale = 1): void {
  for (let y = 0; y < source.height * scale && top + y < target.height; y++) {
    for (let x = 0; x < source.width * scale && left + x < target.width; x++) {
      const from = (Math.floor(y / scale) * source.width + Math.floor(x / scale)) * 3;
      const to = ((top + y) * target.width + left + x) * 3;
      for (let c = 0; c < 3; c++) target.data_HWC[to + c] = source.data_HWC[from + c] ?? 0;
    }
  }
}

/** Writes one line of text, clipped at the picture's border. `scale` pixels per font pixel. */
export function drawText(
  target: Picture,
  text: string,
  top: number,
  left: number,
  scale = 1,
  colour: Colour = white,
): void {
  [...text].forEach((sign, place) => {
    const x0 = left + place * (glyphWidth + 1) * scale;
    glyph(sign).forEach((bits, row) => {
      for (let column = 0; column < glyphWidth; column++) {
        if ((bits >> (glyphWidth - 1 - column)) & 1)
          fillSquare(target, top + row * scale, x0 + column * scale, scale, colour);
      }
    });
  });
}

/** A titled picture of a composition. */
export interface Panel {
  readonly label: string;
  readonly picture: Picture;
}

/** Look of {@link joinPanels}. */
export interface JoinOptions {
  /** Screen pixels per picture pixel. */
  readonly scale?: number;
  /** Panels per row; all in one row unless given. */
  readonly columns?: number;
  /** A line below everything. */
  readonly footer?: string;
}

const gap = 4;
const textScale = 2;
const lineHeight = glyphHeight * textScale + 2 * gap;

/**
 * Panels of equal size side by side, each below its label. Height and width of the result are even, as H.264 with halved
 * colour needs.
 */
export function joinPanels(
  panels: readonly Panel[],
  { scale = 2, columns = panels.length, footer }: JoinOptions = {},
): Picture {
  const first = panels[0];
  if (first === undefined) throw invalid("panels", "at least one panel", "none");
  const { height, width } = first.picture;
  const [cellHeight, cellWidth] = [lineHeight + height * scale, width * scale];
  const rows = Math.ceil(panels.length / columns);
  const even = (length: number): number => length + (length % 2);
  const picture = blankPicture(
    even(rows * (cellHeight + gap) + (footer === undefined ? 0 : lineHeight) + gap),
    even(columns * (cellWidth + gap) + gap),
  );
  panels.forEach((panel, index) => {
    const top = Math.floor(index / columns) * (cellHeight + gap) + gap;
    const left = (index % columns) * (cellWidth + gap) + gap;
    drawText(picture, panel.label, top + gap / 2, left + gap / 2, textScale);
    paste(picture, panel.picture, top + lineHeight - gap, left, scale);
  });
  if (footer !== undefined)
    drawText(picture, footer, rows * (cellHeight + gap) + gap, gap + gap / 2, textScale, [160, 166, 176]);
  return picture;
}

/** Frames of a clip joined into one strip, left to right: what a contact sheet shows in a row. */
export function filmStrip(frames: readonly Picture[]): Picture {
  const first = frames[0];
  if (first === undefined) throw invalid("frames", "at least one frame", "none");
  const strip = blankPicture(first.height, frames.length * (first.width + 2) - 2);
  frames.forEach((frame, index) => paste(strip, frame, 0, index * (first.width + 2)));
  return strip;
}

function fillSquare(target: Picture, top: number, left: number, side: number, colour: Colour): void {
  for (let y = Math.max(0, top); y < Math.min(top + side, target.height); y++) {
    for (let x = Math.max(0, left); x < Math.min(left + side, target.width); x++) {
      for (let c = 0; c < 3; c++) target.data_HWC[(y * target.width + x) * 3 + c] = colour[c] ?? 0;
    }
  }
}
