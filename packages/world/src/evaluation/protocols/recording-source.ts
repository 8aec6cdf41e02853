// Own recordings as a source of clips for the protocols: held-out episodes in turns, clip after clip without overlap.
import { invalid } from "@vid2world/formats";
import { scope } from "@vid2world/torch";
import type { Channel } from "../../data/action-space.js";
import type { ClipStart, DomainClip, DomainSource } from "../../data/domain-clip.js";
import { type Recording, readClip } from "../../data/recording.js";
import { pixelsOf } from "../../world-codec.js";

/** A source whose actions have names. */
export interface RecordingSource extends DomainSource {
  readonly channels: readonly Channel[];
}

/** Makes a source of the held-out episodes, of all if none is held out. `clipFrames` is the distance of two starts in an episode. */
export function recordingSource(recording: Recording, clipFrames: number): RecordingSource {
  const { header, actionWidth } = recording;
  const heldOut = recording.episodes.filter(({ split }) => split === "val");
  const episodes = new Map((heldOut.length > 0 ? heldOut : recording.episodes).map((each) => [each.name, each]));
  const longest = Math.max(...[...episodes.values()].map(({ frames }) => frames));
  const starts: ClipStart[] = [];
  for (let start = 0; start < longest; start += clipFrames)
    for (const { name, frames } of episodes.values())
      // The first start is listed however short the episode is, so that a too short one is reported.
      if (start === 0 || start + clipFrames <= frames) starts.push({ name, start, available: frames - start });
  return {
    domain: "recordings",
    actionDim: actionWidth,
    size: { height: header.height, width: header.width },
    channels: header.channels,
    list: () => starts,
    async read({ name, start }, frames, stride = 1): Promise<DomainClip> {
      const episode = episodes.get(name);
      if (!episode) throw invalid("start.name", `an episode of ${recording.folder}`, name);
      const clip = await readClip(episode, { start, end: start + (frames - 1) * stride + 1 });
      const size = clip.height * clip.width * 3;
      const frames_THWC = new Uint8Array(frames * size);
      const actions_TA = new Float32Array(frames * actionWidth);
      for (let t = 0; t < frames; t++) {
        frames_THWC.set(clip.frames_THWC.subarray(t * stride * size, (t * stride + 1) * size), t * size);
        const row = clip.actions_TA.subarray(t * stride * actionWidth, (t * stride + 1) * actionWidth);
        actions_TA.set(row, t * actionWidth);
      }
      const frames_TCHW = scope(() => pixelsOf(frames_THWC, clip.height, clip.width, "cpu").contiguous());
      return { name, start, frames_TCHW, actions_TA, actionDim: actionWidth, fps: header.fps };
    },
    close: () => Promise.resolve(),
  };
}
