// Frames as a video file, made in the browser: mp4 (H.264) where it can be encoded, else WebM.
import type { VideoCodec } from "mediabunny";

/** Frames are enlarged by a whole number until they are about this wide, so that players do not blur them. */
const WIDTH = 640;
/** Bits per pixel and frame: generous, for pictures with hard edges. */
const BITS = 0.25;

/** A video file. */
export interface VideoFile {
  readonly blob: Blob;
  readonly extension: "mp4" | "webm";
}

/** The whole factor by which frames of this width are enlarged. */
export const enlargement = (width: number): number => Math.max(1, Math.round(WIDTH / width));

/** A video of pictures, `fps` of them per second. `onProgress` is told the share that is done. */
export async function encodeVideo(
  pictures: readonly (() => Promise<Blob>)[],
  fps: number,
  onProgress: (share: number) => void = () => undefined,
): Promise<VideoFile> {
  const { BufferTarget, CanvasSource, Mp4OutputFormat, Output, WebMOutputFormat, getFirstEncodableVideoCodec } =
    await import("mediabunny");
  const [first] = pictures;
  if (first === undefined) throw new RangeError("a video needs at least one frame");
  const size = await createImageBitmap(await first());
  const factor = enlargement(size.width);
  // H.264 wants even sides.
  const [width, height] = [size.width, size.height].map((side) => 2 * Math.ceil((side * factor) / 2)) as [
    number,
    number,
  ];
  size.close();

  // WebKitGTK sets its media library up at the first question about playing; where it is asked about encoding before, its process crashes.
  document.createElement("video").canPlayType("video/mp4");
  const bitrate = Math.round(BITS * width * height * fps);
  const codecs: VideoCodec[] = ["avc", "vp9", "vp8"];
  const codec = await getFirstEncodableVideoCodec(codecs, { width, height, bitrate });
  if (codec === null) throw new Error("this browser cannot encode video");
  const extension = codec === "avc" ? "mp4" : "webm";
  const target = new BufferTarget();
  const output = new Output({ format: codec === "avc" ? new Mp4OutputFormat() : new WebMOutputFormat(), target });
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new Error("this browser gives no canvas to draw on");
  context.imageSmoothingEnabled = false;
  const source = new CanvasSource(canvas, { codec, bitrate });
  output.addVideoTrack(source, { frameRate: fps });
  await output.start();
  for (const [i, picture] of pictures.entries()) {
    const bitmap = await createImageBitmap(await picture());
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    await source.add(i / fps, 1 / fps);
    onProgress((i + 1) / pictures.length);
  }
  await output.finalize();
  if (target.buffer === null) throw new Error("the video came out empty");
  return { blob: new Blob([target.buffer], { type: `video/${extension}` }), extension };
}
