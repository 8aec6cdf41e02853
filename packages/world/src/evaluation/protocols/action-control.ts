// `action-control`: the eight actions that one start is driven by, and the video that shows them side by side.
// A: numbers per action.
import { invalid } from "@vid2world/formats";
import type { Channel } from "../../data/action-space.js";
import type { DomainName } from "../../data/domain-clip.js";
import { type ProbeAction, probeActions } from "../obedience/probe-actions.js";
import { joinPanels, type Picture } from "../report/picture.js";
import { type FrameBlock, frameBytes } from "./frame-block.js";

/** One way to drive a start. */
export interface ActionVariant {
  /** As in the names of the published folders: `X+`, ..., `zero`, `true`. */
  readonly label: string;
  /** Held at every frame; absent: the true actions. */
  readonly action_A?: readonly number[];
}

/** Actions of RT-1: 13 numbers, `world_vector` last; the second of `terminate_episode` is 1 while an episode goes on. */
const rt1 = { width: 13, goesOn: 8, worldVector: 10 } as const;

/** Own recordings have as many variants as RT-1: constant actions found by their keys, nothing, and the true ones. */
const constantVariants = 7;

/** The variants of a domain; `magnitude` is how far RT-1's world vector is pushed. `channels` name what own recordings can do. */
export function actionVariants(
  domain: DomainName,
  magnitude: number,
  channels?: readonly Channel[],
): readonly ActionVariant[] {
  if (!(magnitude > 0)) throw invalid("magnitude", "a number above 0", magnitude);
  if (domain === "rt1") return [...worldVectorVariants(magnitude), { label: "true" }];
  if (channels === undefined) throw invalid("channels", "the action channels of own recordings", channels);
  const probes = probeActions(channels, constantVariants).map(({ label, action_A }: ProbeAction): ActionVariant => ({
    label: label.replace(/[^A-Za-z0-9+-]+/g, "_"),
    action_A,
  }));
  return [...probes, { label: "true" }];
}

/** X, Y and Z of the world vector in both directions, and none at all. */
function worldVectorVariants(magnitude: number): ActionVariant[] {
  const still: number[] = Array.from({ length: rt1.width }, (_, i) => (i === rt1.goesOn ? 1 : 0));
  const pushes = ["X", "Y", "Z"].flatMap((axis, index) =>
    [1, -1].map((sign) => ({
      label: `${axis}${sign > 0 ? "+" : "-"}`,
      action_A: still.with(rt1.worldVector + index, sign * magnitude),
    })),
  );
  return [...pushes, { label: "zero", action_A: still }];
}

/** The rows of a variant: its action at every frame, as published also at the known ones, or the clip's own. */
export function variantActions({ action_A }: ActionVariant, actions_TA: Float32Array): Float32Array {
  if (action_A === undefined) return actions_TA;
  return Float32Array.from(actions_TA, (_, i) => action_A[i % action_A.length] ?? 0);
}

/** Width of a panel below which small pictures are shown larger. */
const panelWidth = 192;

/** The variants' frames side by side, four in a row, each below its label. All must be equally long. */
export function* variantPictures(
  variants: readonly { readonly label: string; readonly prediction: FrameBlock }[],
  contextFrames: number,
): Generator<Picture, void> {
  const [first] = variants;
  if (first === undefined) throw invalid("variants", "at least one variant", "none");
  const { frames, height, width } = first.prediction;
  const scale = Math.max(1, Math.round(panelWidth / width));
  for (let t = 0; t < frames; t++) {
    const panels = variants.map(({ label, prediction }) => ({
      label,
      picture: { height, width, data_HWC: frameBytes(prediction, t, "truncate") },
    }));
    const footer = t < contextFrames ? "known frame" : `predicted frame ${t - contextFrames + 1}`;
    yield joinPanels(panels, { scale, columns: 4, footer });
  }
}
