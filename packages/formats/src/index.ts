// What @vid2world/formats offers: errors, atomic writes, and readers and writers of files. No native code of ours.
export * from "./atomic.js";
export * from "./errors.js";
export * from "./ffmpeg.js";
export * from "./image.js";
export * from "./safetensors-header.js";
export * from "./safetensors.js";
export * from "./video-writer.js";
export * from "./video.js";
