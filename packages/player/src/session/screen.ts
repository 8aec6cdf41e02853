// Puts arriving frames on a canvas as soon as they are decoded, one at a time and always the newest. The refresh of the display is only asked
// when it happened: a picture is on the canvas before it, so waiting for one would cost most of a refresh.
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
  drawn(arrived: ArrivedFrame): void;
  /** The display was refreshed with it, at `now` (`performance.now()`). */
  refreshed(arrived: ArrivedFrame, now: number): void;
  /** The next one overtook it before it was drawn, or before the display was refreshed. */
  overtaken(arrived: ArrivedFrame): void;
}

/** A canvas that frames are shown on. */
export interface Screen {
  /** The element; undefined while there is none. */
  canvas: HTMLCanvasElement | undefined;
  /** A frame that was just received. */
  arrived(frame: ArrivedFrame): void;
  /** What arrived before and is not drawn yet never will be: something else is to be shown. */
  hold(): void;
  /** A picture of another time, unless a frame arrives before it is there. */
  still(picture: Promise<Blob>): Promise<void>;
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
  let isDecoding = false;
  let waiting: ArrivedFrame | undefined;
  /** Drawn, and not seen by a refresh yet. */
  let unseen: ArrivedFrame | undefined;
  let current: ImageBitmap | undefined;
  let holds = 0;
  let draws = 0;

  function put(bitmap: ImageBitmap): void {
    draws++;
    current?.close();
    current = bitmap;
    screen.redraw();
  }

  function refreshed(now: number): void {
    if (unseen === undefined) return;
    const arrived = unseen;
    unseen = undefined;
    events.refreshed(arrived, now);
  }

  /** Undefined where it is no picture: a frame that cannot be shown is as good as one that was overtaken. */
  const decode = (picture: Blob): Promise<ImageBitmap | undefined> => createImageBitmap(picture).catch(() => undefined);

  async function show(arrived: ArrivedFrame): Promise<void> {
    const before = holds;
    const bitmap = await decode(arrived.picture);
    if (bitmap === undefined || holds !== before) {
      bitmap?.close();
      return events.overtaken(arrived);
    }
    put(bitmap);
    if (unseen !== undefined) events.overtaken(unseen);
    else requestAnimationFrame(() => refreshed(performance.now()));
    unseen = arrived;
    events.drawn(arrived);
  }

  async function showNewest(first: ArrivedFrame): Promise<void> {
    isDecoding = true;
    for (let next: ArrivedFrame | undefined = first; next !== undefined;) {
      waiting = undefined;
      await show(next);
      next = waiting;
    }
    isDecoding = false;
  }

  const screen: Screen = {
    canvas: undefined,
    arrived(arrived) {
      if (!isDecoding) return void showNewest(arrived);
      if (waiting !== undefined) events.overtaken(waiting);
      waiting = arrived;
    },
    hold() {
      holds++;
      if (waiting !== undefined) events.overtaken(waiting);
      waiting = undefined;
    },
    async still(picture) {
      const before = draws;
      const bitmap = await createImageBitmap(await picture);
      if (draws === before) put(bitmap);
      else bitmap.close();
    },
    redraw() {
      if (current !== undefined && screen.canvas !== undefined) drawOn(screen.canvas, current);
    },
  };
  return screen;
}
