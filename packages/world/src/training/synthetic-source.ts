// The invented recordings of the debug configuration as a source of clips to roll out from.
// Axes: T frames, A action channels.
import { invalid } from "@vid2world/formats";
import { cat, fromTypedArray, scope } from "@vid2world/torch";
import type { Channel } from "../data/action-space.js";
import type { DomainClip, DomainSource } from "../data/domain-clip.js";
import { SYNTHETIC_CHANNELS, type SyntheticConfig, syntheticEpisodes } from "./synthetic.js";

/** A source over invented episodes that training does not see; `channels` name their actions. */
export function syntheticSource(config: SyntheticConfig): DomainSource & { readonly channels: readonly Channel[] } {
  const episodes = syntheticEpisodes({ ...config, seed: config.seed + 1 });
  return {
    domain: "recordings",
    actionDim: SYNTHETIC_CHANNELS.length,
    size: { height: config.size, width: config.size },
    channels: SYNTHETIC_CHANNELS,
    list: () => episodes.map(({ name, frames }) => ({ name, start: 0, available: frames })),
    async read({ name, start }, frames, stride = 1): Promise<DomainClip> {
      const episode = episodes.find((each) => each.name === name);
      if (!episode) throw invalid("start.name", episodes.map((each) => each.name).join(", "), name);
      const { actions_TA: all_TA, actionDim, height, width } = episode;
      const places = Array.from({ length: frames }, (_, t) => start + t * stride);
      if ((places.at(-1) ?? 0) >= episode.frames)
        throw invalid("frames", `a clip within ${episode.frames} frames`, frames);
      const pieces: Uint8Array[] = [];
      for await (const { data } of episode.readFrames()) pieces.push(data);
      const bytes = Buffer.concat(pieces);
      const size = height * width * 3;
      const frames_TCHW = scope(() =>
        cat(
          places.map((place) => {
            const frame = new Uint8Array(bytes.subarray(place * size, (place + 1) * size));
            return fromTypedArray(frame, [1, height, width, 3]).permute([0, 3, 1, 2]).float().div(127.5).sub(1);
          }),
        ).contiguous(),
      );
      const actions_TA = new Float32Array(frames * actionDim);
      places.forEach((place, t) =>
        actions_TA.set(all_TA.subarray(place * actionDim, (place + 1) * actionDim), t * actionDim),
      );
      return { name, start, frames_TCHW, actions_TA, actionDim, fps: 8 };
    },
    close: () => Promise.resolve(),
  };
}
