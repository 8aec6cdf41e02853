// The second picture: another branch at the same frame, or what really happened in the recording.
import type { JSX } from "preact";
import type { Comparison } from "../session/state.js";
import { usePlayer } from "./context.js";
import { Picture } from "./picture.js";
import { pictureWidth, scaling, useSize } from "./stage.js";

/** Shows the frame with the same number. */
export function ComparisonPane({ comparison }: { readonly comparison: Comparison }): JSX.Element {
  const player = usePlayer();
  const { world, session, glance, timeline, comparison: chosen } = player.state;
  const [watchSize, space] = useSize();
  const frame = timeline.value.get(glance.value.node)?.frame ?? 0;
  const { width = 4, height = 3, contextFrames = 0 } = world.value ?? {};
  const shownWidth = pictureWidth({ width, height }, space, scaling.value, window.devicePixelRatio);
  const style = { width: `${shownWidth}px`, height: `${(shownWidth * height) / width}px` };

  const node = comparison.kind === "branch" ? timeline.value.at(comparison.branch, frame) : undefined;
  const lastTrue = contextFrames + (session.value?.truthFrames ?? 0) - 1;
  const isThere = comparison.kind === "truth" ? frame <= lastTrue : node !== undefined;
  const load = async (): Promise<Blob | undefined> => {
    if (!isThere || session.value === undefined) return undefined;
    if (node !== undefined) return player.picture(node);
    return new Blob([await session.value.remote.truth(frame)], { type: "image/jpeg" });
  };
  const title = comparison.kind === "truth" ? "what really happened" : `branch ${comparison.branch + 1}`;
  return (
    <div class="screen" ref={watchSize}>
      <div class="picture other" style={style}>
        <Picture
          class={scaling.value}
          load={load}
          of={`${title} ${frame} ${isThere}`}
          label={`${title}, frame ${frame}`}
        />
        <span class="tag">{title}</span>
        {!isThere && <span class="tag middle">it ends before frame {frame}</span>}
        <button class="close" aria-label="End the comparison" onClick={() => (chosen.value = undefined)}>
          ×
        </button>
      </div>
    </div>
  );
}
