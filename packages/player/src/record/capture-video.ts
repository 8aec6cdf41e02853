// Frames as a video file where the browser has no WebCodecs (a page over http from another machine, Firefox before 130 or on Android): they are
// shown once on a canvas that nobody sees and recorded from it, which takes as long as the video lasts.
import { type Pictures, type VideoFile, type VideoSize, drawingOn } from "./video-canvas.js";

/** Widely played ones first. */
const TYPES = ["video/mp4;codecs=avc1.42001f", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/** The file type that this browser can record; undefined: none. */
const recordable = (): string | undefined =>
  typeof MediaRecorder === "undefined" ? undefined : TYPES.find((type) => MediaRecorder.isTypeSupported(type));

/** A video of pictures, `fps` of them per second. `onProgress` is told the share that is done. */
export async function captureVideo(
  pictures: Pictures,
  { width, height, bitrate }: VideoSize,
  fps: number,
  onProgress: (share: number) => void,
): Promise<VideoFile> {
  const mimeType = recordable();
  if (mimeType === undefined) throw new Error("this browser cannot encode video");
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const draw = drawingOn(canvas);
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType, videoBitsPerSecond: bitrate });
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => void parts.push(data);
  const stopped = new Promise<void>((resolve, reject) => {
    recorder.onstop = () => resolve();
    recorder.onerror = () => reject(new Error("this browser failed to record"));
  });
  stopped.catch(() => undefined); // it may be told before it is waited for
  recorder.start();
  const begun = performance.now();
  for (const [i, picture] of pictures.entries()) {
    await draw(await picture());
    await new Promise((done) => setTimeout(done, begun + ((i + 1) * 1000) / fps - performance.now()));
    onProgress((i + 1) / pictures.length);
  }
  recorder.stop();
  await stopped;
  const type = mimeType.replace(/;.*/, "");
  return { blob: new Blob(parts, { type }), extension: type === "video/mp4" ? "mp4" : "webm" };
}
