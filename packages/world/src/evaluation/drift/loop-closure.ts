// Loop closure: turned once around, does a world show what it showed before?
// Axes: T frames; frames are RGB bytes.
import type { Channel } from "../../data/action-space.js";
import type { PictureSize } from "../../data/transforms.js";
import { average } from "../metrics/average.js";
import { bootstrapInterval, meanInterval } from "../statistics/bootstrap.js";
import type { Finding } from "../statistics/finding.js";
import { dosesOf } from "../obedience/doses.js";
import { scalarChannels } from "../obedience/channel-effects.js";

/** A turn by so many degrees per frame. */
export interface TurnAction {
  readonly channel: string;
  readonly degrees: number;
  readonly action_A: readonly number[];
}

/** The turn that a key makes: of the first channel whose unit is in degrees ("45 degrees"), counted as its key does. */
export function turnAction(channels: readonly Channel[]): TurnAction | undefined {
  for (const scalar of scalarChannels(channels)) {
    const { channel } = scalar;
    const unit = channel.kind === "continuous" ? /^([\d.]+)? ?degrees?$/.exec(channel.unit ?? "") : null;
    const full = unit && dosesOf(channels, scalar).find(({ dose }) => dose === 1);
    if (!unit || !full) continue;
    return { channel: channel.name, degrees: Math.abs(full.value) * Number(unit[1] ?? 1), action_A: full.action_A };
  }
  return undefined;
}

/** Frames that a full turn takes, and how many are rolled out: half as many again, as worlds turn less than they are told. */
export function loopFrames({ degrees }: TurnAction): { readonly turn: number; readonly rolled: number } {
  const turn = Math.max(4, Math.round(360 / degrees));
  return { turn, rolled: Math.ceil(1.5 * turn) };
}

/** PSNR of two pictures of bytes, dB; 80 where they are equal, as everywhere. */
function picturePsnr(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return -10 * Math.log10(sum / a.length / 255 ** 2 + 1e-8);
}

/** dB by which the first frame must be met again to count as having come back. */
const margin = 1;

/**
 * Compares the last known frame with what a world shows while it turns: after exactly one turn against the frames between a quarter and three
 * quarters of it; and where it looks most alike from three quarters on, of the starts for which it does so more than anywhere on the way.
 */
export function loopFindings(
  known: readonly Uint8Array[],
  turned: readonly Uint8Array[],
  turn: TurnAction,
  { height, width }: PictureSize,
): Finding[] {
  const bytes = height * width * 3;
  const frames = loopFrames(turn).turn;
  const similarity = turned.map((clip, i) =>
    Array.from({ length: clip.length / bytes }, (_, t) =>
      picturePsnr(known[i] as Uint8Array, clip.subarray(t * bytes, (t + 1) * bytes)),
    ),
  );
  const away = (values: readonly number[]): number =>
    average(values.slice(Math.floor(frames / 4), Math.ceil((3 * frames) / 4)));
  const from = Math.ceil((3 * frames) / 4);
  const best = similarity.flatMap((values) => {
    const later = values.slice(from);
    const likeness = Math.max(...later);
    // Of a world that never returns some frame is the most alike too: it must stand out from what was seen on the way.
    const onTheWay = Math.max(...values.slice(Math.floor(frames / 4), from));
    return likeness >= onTheWay + margin ? [from + later.indexOf(likeness) + 1] : [];
  });
  const common = { test: "loop closure", episodes: known.length };
  return [
    {
      ...{ ...common, name: `after 360 degrees of ${turn.channel}`, unit: "dB", digits: 2 },
      ...meanInterval(similarity.map((values) => (values[frames - 1] ?? NaN) - away(values))),
      meaning: "likeness (PSNR) to the first frame after a full turn less that on the way; 0: it does not come back",
    },
    {
      ...{ ...common, name: "most alike after", unit: "degrees", digits: 0, episodes: best.length },
      ...bootstrapInterval(best, (sample) => average(sample) * turn.degrees),
      meaning: `degrees asked for where it looks most like the first frame, from ${Math.round(from * turn.degrees)} on, in the ${best.length} of ${known.length} starts that come back; 360: it turns as told`,
    },
  ];
}
