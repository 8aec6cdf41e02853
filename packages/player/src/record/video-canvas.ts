// What videos are drawn on: pictures enlarged by a whole number, so that players do not blur them.

/** Frames are enlarged until they are about this wide. */
const WIDTH = 640;
/** Bits per pixel and frame: generous, for pictures with hard edges. */
const BITS = 0.25;

/** Compressed pictures, each fetched when its turn comes. */
export type Pictures = readonly (() => Promise<Blob>)[];

/** A video file. */
export interface VideoFile {
  readonly blob: Blob;
  readonly extension: "mp4" | "webm";
}

/** How large a video is, and how many bits per second it gets. */
export interface VideoSize {
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
}

/** The size of a video of pictures like `first`. */
export async function videoSize(first: Blob, fps: number): Promise<VideoSize> {
  const picture = await createImageBitmap(first);
  const factor = Math.max(1, Math.round(WIDTH / picture.width));
  const even = (side: number): number => 2 * Math.ceil((side * factor) / 2); // H.264 wants even sides
  const [width, height] = [even(picture.width), even(picture.height)];
  picture.close();
  return { width, height, bitrate: Math.round(BITS * width * height * fps) };
}

/** Draws pictures on a canvas, over its whole size. */
export function drawingOn(canvas: OffscreenCanvas | HTMLCanvasElement): (picture: Blob) => Promise<void> {
  const context = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D | null;
  if (context === null) throw new Error("this browser gives no canvas to draw on");
  context.imageSmoothingEnabled = false;
  return async (picture) => {
    const bitmap = await createImageBitmap(picture);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
  };
}
