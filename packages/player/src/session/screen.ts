// Puts arriving frames on a canvas: decoded in the order in which they came, drawn when the display is refreshed, and only the newest then.
import type { FrameMessage } from "../protocol.js";

/** A frame with the time at which it was received (`performance.now()`). */
export interface ArrivedFrame {
  readonly frame: FrameMessage;
  readonly received: number;
  readonly picture: Blob;
}

/** What a screen tells. */
export interface ScreenEvents {
  /** It is on the canvas. */
  drawn(arrived: ArrivedFrame, now: number): void;
  /** The next one overtook it before the display was refreshed. */
  overtaken(arrived: ArrivedFrame): void;
}

/** A canvas that frames are shown on. */
export interface Screen {
  /** The element; undefined while there is none. */
  canvas: HTMLCanvasElement | undefined;
  /** A frame that was just received. */
  arrived(frame: ArrivedFrame): void;
  /** Any picture, now; what arrived before and was not drawn is forgotten. */
  still(picture: Blob): Promise<void>;
  /** The last picture again, on a canvas that is new. */
  redraw(): void;
}

/** Draws a bitmap as large as it is. */
export function drawOn(canvas: HTMLCanvasElement, picture: ImageBitmap): void {
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
  canvas.getContext("2d", { alpha: false })?.drawImage(picture, 0, 0);
}

/** A screen without a canvas yet. */
export function createScreen(events: ScreenEvents): Screen {
  let decoding = Promise.resolve();
  let next: { arrived: ArrivedFrame; bitmap: ImageBitmap } | undefined;
  let current: ImageBitmap | undefined;
  let turn = 0;

  function put(bitmap: ImageBitmap): void {
    if (current !== bitmap) current?.close();
    current = bitmap;
    if (screen.canvas !== undefined) drawOn(screen.canvas, bitmap);
  }

  function refresh(): void {
    if (next === undefined) return;
    const { arrived, bitmap } = next;
    next = undefined;
    put(bitmap);
    events.drawn(arrived, performance.now());
  }

  const screen: Screen = {
    canvas: undefined,
    arrived(arrived) {
      const mine = turn;
      decoding = decoding.then(async () => {
        const bitmap = await createImageBitmap(arrived.picture).catch(() => undefined);
        if (bitmap === undefined || mine !== turn) return events.overtaken(arrived);
        if (next === undefined) requestAnimationFrame(refresh);
        else {
          next.bitmap.close();
          events.overtaken(next.arrived);
        }
        next = { arrived, bitmap };
      });
    },
    async still(picture) {
      const mine = ++turn;
      if (next !== undefined) {
        next.bitmap.close();
        events.overtaken(next.arrived);
        next = undefined;
      }
      const bitmap = await createImageBitmap(picture);
      if (mine === turn) put(bitmap);
      else bitmap.close();
    },
    redraw() {
      if (current !== undefined && screen.canvas !== undefined) drawOn(screen.canvas, current);
    },
  };
  return screen;
}
