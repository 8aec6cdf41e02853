// Inverse dynamics: can the action be told from a world's pictures as well as from real ones?
import type { Channel } from "../../data/action-space.js";
import type { Clip } from "../../data/recording.js";
import type { PictureSize } from "../../data/transforms.js";
import type { RolloutJob } from "../evaluated-world.js";
import type { Start } from "../starts.js";
import type { Finding } from "../statistics/finding.js";
import type { InverseDynamics } from "./inverse-dynamics.js";
import { type ChannelRecovery, type RecoveredClip, recoveryByChannel } from "./recovery.js";

/** Rollouts of the same starts under the true actions and under those of other clips, and the recordings that they come from. */
export interface RecoveryInput {
  readonly held: readonly Pick<Clip, "frames_THWC" | "actions_TA" | "frames">[];
  readonly starts: readonly Start[];
  readonly swappedJobs: readonly RolloutJob[];
  readonly asTold: readonly Uint8Array[];
  readonly swapped: readonly Uint8Array[];
  readonly channels: readonly Channel[];
  /** Known frames less one: the row of the action that leads to the first predicted frame. */
  readonly known: number;
}

/** Pairs of a stretch of real frames: what its interval counts as independent. */
const stretch = 32;

/**
 * Accuracy by channel: on held-out real frames, on those of the world, and on those under exchanged actions. Channels that cannot be told
 * from real frames are named instead (`hidden`): nothing could be said about the world's. So are those of which the predicted frames are too few
 * (`rare`).
 */
export function recoveryFindings(
  { held, starts, swappedJobs, asTold, swapped, channels, known }: RecoveryInput,
  network: InverseDynamics,
  size: PictureSize,
): { readonly findings: Finding[]; readonly hidden: string[]; readonly rare: string[] } {
  const usual_A = network.actionMean.toTypedArray() as Float32Array;
  const width = usual_A.length;
  const byChannel = (clips: readonly RecoveredClip[]): Map<string, ChannelRecovery> =>
    new Map(recoveryByChannel(channels, clips, usual_A).map((recovery) => [recovery.channel, recovery]));
  const predicted = (jobs: readonly RolloutJob[], clips: readonly Uint8Array[]): Map<string, ChannelRecovery> =>
    byChannel(
      clips.map((clip, i) => {
        const recovered_TA = network.recover(clip, size);
        // Between predicted frame n and n + 1 (from 0) lies the row known + 1 + n.
        const from = (known + 1) * width;
        return {
          recovered_TA,
          given_TA: (jobs[i] as RolloutJob).actions_TA.subarray(from, from + recovered_TA.length),
        };
      }),
    );
  const real = byChannel(
    held.flatMap(({ frames_THWC, actions_TA }) => {
      const recovered_TA = network.recover(frames_THWC, size);
      return Array.from({ length: Math.ceil(recovered_TA.length / (stretch * width)) }, (_, i) => {
        const cut = (rows: Float32Array): Float32Array => rows.subarray(i * stretch * width, (i + 1) * stretch * width);
        return { given_TA: cut(actions_TA.subarray(0, recovered_TA.length)), recovered_TA: cut(recovered_TA) };
      });
    }),
  );
  const told = [...real].filter(([, { low, classes }]) => low > 1 / classes).map(([channel]) => channel);
  const [asToldBy, swappedBy] = [predicted(starts, asTold), predicted(swappedJobs, swapped)];
  const kinds = [
    [
      "real frames",
      real,
      "accuracy on real frames; the world's cannot be told better but by being clearer than real ones",
    ],
    ["the world's frames", asToldBy, "the same on predicted frames; as on real ones: the action shows"],
    ["exchanged actions", swappedBy, "the same under another clip's actions: the scene gives no hint"],
  ] as const;
  const findings = told.flatMap((channel) =>
    kinds.flatMap(([name, found, meaning]): Finding[] => {
      const recovery = found.get(channel);
      if (!recovery) return [];
      const { value, low, high, episodes, classes } = recovery;
      const common = { test: "inverse dynamics", unit: "", digits: 2, value, low, high, episodes };
      return [{ ...common, name: `${channel}: ${name}`, meaning: `${meaning}; chance is ${(1 / classes).toFixed(2)}` }];
    }),
  );
  return {
    findings,
    hidden: channels.map(({ name }) => name).filter((name) => !told.includes(name)),
    rare: told.filter((channel) => !asToldBy.has(channel) || !swappedBy.has(channel)),
  };
}
