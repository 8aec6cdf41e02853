// What @vid2world/formats offers: errors, atomic writes, and readers and writers of files. No native code of ours.
export * from "./atomic.js";
export * from "./errors.js";
export * from "./ffmpeg.js";
export * from "./image.js";
export * from "./pickle/numpy.js";
export * from "./pickle/read.js";
export * from "./pickle/values.js";
export * from "./pickle/write.js";
export * from "./safetensors-header.js";
export * from "./safetensors.js";
export * from "./torch-archive/dtypes.js";
export * from "./torch-archive/open.js";
export * from "./torch-archive/records.js";
export * from "./torch-archive/state-dict.js";
export * from "./torch-archive/write.js";
export * from "./video-writer.js";
export * from "./video.js";
