// The second picture: another branch at the same frame, or what really happened in the recording.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { createFrameStore } from "../session/frame-store.js";
import type { Comparison } from "../session/state.js";
import { usePlayer } from "./context.js";
import { Picture } from "./picture.js";
import { pictureWidth, scaling, useSize } from "./stage.js";

/** True frames kept, bytes: a few hundred, so that watching again fetches nothing. */
const TRUTH_BYTES = 8 * 2 ** 20;

/** Shows the frame with the same number, at every frame. */
export function ComparisonPane({ comparison }: { readonly comparison: Comparison }): JSX.Element {
  const player = usePlayer();
  const { world, session, shown, timeline, comparison: chosen } = player.state;
  const [watchSize, space] = useSize();
  const frame = timeline.value.get(shown.value)?.frame ?? 0;
  const { width = 4, height = 3, contextFrames = 0 } = world.value ?? {};
  const shownWidth = pictureWidth({ width, height }, space, scaling.value, window.devicePixelRatio);
  const style = { width: `${shownWidth}px`, height: `${(shownWidth * height) / width}px` };

  const node = comparison.kind === "branch" ? timeline.value.at(comparison.branch, frame) : undefined;
  const end =
    comparison.kind === "truth"
      ? contextFrames + (session.value?.truthFrames ?? 0) - 1
      : (timeline.value.get(timeline.value.tip(comparison.branch) ?? 0)?.frame ?? 0);
  const isThere = frame <= end;
  const remote = session.value?.remote;
  const truth = useMemo(() => {
    const fetched = async (at: number): Promise<Blob> => new Blob(remote && [await remote.truth(at)], { type: "image/jpeg" }); // prettier-ignore
    return createFrameStore(fetched, TRUTH_BYTES);
  }, [remote]);
  const load = async (): Promise<Blob | undefined> => {
    if (!isThere) return undefined;
    return node === undefined ? truth.get(frame) : player.picture(node);
  };
  const title = comparison.kind === "truth" ? "what really happened" : `branch ${comparison.branch + 1}`;
  return (
    <div class="screen" ref={watchSize}>
      <div class={`picture other ${isThere ? "" : "ended"}`} style={style}>
        <Picture
          class={scaling.value}
          load={load}
          of={`${title} ${frame} ${isThere}`}
          label={`${title}, frame ${frame}`}
        />
        <span class="tag">{title}</span>
        {!isThere && <span class="tag middle">ends at frame {end}</span>}
        <button class="close" aria-label="End the comparison" onClick={() => (chosen.value = undefined)}>
          ×
        </button>
      </div>
    </div>
  );
}
