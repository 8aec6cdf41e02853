// Frames as a video file, made in the browser: mp4 (H.264) where it can be encoded, else WebM.
import type { VideoCodec } from "mediabunny";
import { captureVideo } from "./capture-video.js";
import { type Pictures, type VideoFile, drawingOn, videoSize } from "./video-canvas.js";

const CODECS: VideoCodec[] = ["avc", "vp9", "vp8"];

/** A video of pictures, `fps` of them per second. `onProgress` is told the share that is done. */
export async function encodeVideo(
  pictures: Pictures,
  fps: number,
  onProgress: (share: number) => void = () => undefined,
): Promise<VideoFile> {
  const [first] = pictures;
  if (first === undefined) throw new RangeError("a video needs at least one frame");
  const { BufferTarget, CanvasSource, Mp4OutputFormat, Output, WebMOutputFormat, getFirstEncodableVideoCodec } =
    await import("mediabunny");
  const size = await videoSize(await first(), fps);
  // WebKitGTK sets its media library up at the first question about playing; where it is asked about encoding before, its process crashes.
  document.createElement("video").canPlayType("video/mp4");
  const codec = await getFirstEncodableVideoCodec(CODECS, size);
  if (codec === null) return captureVideo(pictures, size, fps, onProgress);
  const extension = codec === "avc" ? "mp4" : "webm";
  const target = new BufferTarget();
  const output = new Output({ format: codec === "avc" ? new Mp4OutputFormat() : new WebMOutputFormat(), target });
  const canvas = new OffscreenCanvas(size.width, size.height);
  const draw = drawingOn(canvas);
  const source = new CanvasSource(canvas, { codec, bitrate: size.bitrate });
  output.addVideoTrack(source, { frameRate: fps });
  await output.start();
  for (const [i, picture] of pictures.entries()) {
    await draw(await picture());
    await source.add(i / fps, 1 / fps);
    onProgress((i + 1) / pictures.length);
  }
  await output.finalize();
  if (target.buffer === null) throw new Error("the video came out empty");
  return { blob: new Blob([target.buffer], { type: `video/${extension}` }), extension };
}
