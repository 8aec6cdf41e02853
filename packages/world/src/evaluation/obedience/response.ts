// Dose and direction: a channel is held at half and at all of what its key does, in both directions, and the motion of the picture
// measured. The recordings say which motion a channel makes and which way; see channel-effects.
import type { Channel } from "../../data/action-space.js";
import { average } from "../metrics/average.js";
import { imageMotions, type ImageMotionOptions } from "../metrics/image-motion.js";
import { bootstrapInterval } from "../statistics/bootstrap.js";
import type { Finding } from "../statistics/finding.js";
import { signTest } from "../statistics/sign-test.js";
import type { ChannelEffect } from "./channel-effects.js";
import type { Dose } from "./doses.js";

/** A channel under all its doses: one clip per start and dose, starts in the same order. */
export interface DoseRollouts {
  readonly channel: Channel;
  readonly effect: ChannelEffect;
  readonly rollouts: readonly { readonly dose: Dose; readonly clips: readonly Uint8Array[] }[];
}

/** Motions of one start, the expected way positive, by size of the dose; doubtful ones are left out. */
interface StartResponse {
  readonly half: readonly number[];
  readonly full: readonly number[];
}

/** Direction, dose-response and gain of a channel. */
export function doseFindings({ channel, effect, rollouts }: DoseRollouts, size: ImageMotionOptions): Finding[] {
  const starts = rollouts[0]?.clips.length ?? 0;
  const responses = Array.from({ length: starts }, (_, start): StartResponse => {
    const of = (strength: number): number[] =>
      rollouts.flatMap(({ dose, clips }) => {
        if (Math.abs(dose.dose) !== strength) return [];
        const expected = Math.sign(dose.value * effect.slope);
        const motions = imageMotions(clips[start] as Uint8Array, size, [effect.motion]);
        return motions.flatMap((motion) => {
          const pixels = motion[effect.motion];
          return pixels === undefined ? [] : [pixels * expected];
        });
      });
    return { half: of(0.5), full: of(1) };
  });
  const seen = responses.filter(({ full }) => full.length > 0);
  const common = { episodes: seen.length };
  const full = seen.map((response) => response.full);
  // A start that goes neither way is no evidence for either.
  const decided = full.map(average).filter((pixels) => Math.abs(pixels) > 1e-6);
  const findings: Finding[] = [
    {
      ...{ ...common, test: "direction", name: channel.name, unit: "", digits: 2 },
      ...bootstrapInterval(full, (sample) => share(sample.flat())),
      pValue: signTest(decided.filter((pixels) => pixels > 0).length, decided.length),
      meaning: `share of ${full.flat().length} ${effect.motion} movements that go the way of the recordings; chance is 0.5`,
    },
    {
      ...{ ...common, test: "dose-response", name: `${channel.name}: strength`, unit: "", digits: 2 },
      ...bootstrapInterval(full, (sample) => average(sample.flat()) / expectedPixels(rollouts, effect)),
      meaning: "how far the picture moves, as a share of the same action in the recordings; 1: as far",
    },
  ];
  if (!rollouts.some(({ dose }) => Math.abs(dose.dose) === 0.5)) return findings;
  const both = responses.filter((response) => response.half.length > 0 && response.full.length > 0);
  const ratio = (sample: readonly StartResponse[]): number =>
    average(sample.flatMap((response) => response.full)) / average(sample.flatMap((response) => response.half));
  return [
    ...findings,
    {
      ...{ test: "dose-response", name: `${channel.name}: twice the action`, unit: "", digits: 2 },
      ...{ episodes: both.length, ...bootstrapInterval(both, ratio) },
      meaning: "how many times as far the picture moves; 2: in proportion, 1: the strength is ignored",
    },
  ];
}

const share = (motions: readonly number[]): number => motions.filter((pixels) => pixels > 0).length / motions.length;

/** Pixels that the full doses would move in the recordings, averaged over directions. */
function expectedPixels(rollouts: DoseRollouts["rollouts"], { slope }: ChannelEffect): number {
  const full = rollouts.filter(({ dose }) => Math.abs(dose.dose) === 1);
  return average(full.map(({ dose }) => Math.abs(dose.value * slope)));
}
