// The recorded steps of one autoregressive run: what the network was asked, and what each step made of the newest frame.
// Axes: B batch, C channels, T frames, H height, W width.
import { scope, type Tensor } from "@vid2world/torch";

import type { Network } from "../../../diffusion/denoiser.js";
import type { StepReport } from "../../../diffusion/samplers/solver.js";
import { compareTensors, type Check } from "../check.js";
import { swapTime } from "../models/published-unet.js";
import type { RecordedTensors } from "../workspace.js";

const TOLERANCE = { abs: 1e-3 };

/** Compares a run with its trace while it goes on. */
export interface Trace {
  /** The network, its questions compared on the way. */
  watch(network: Network): Network;
  readonly onStep: (report: StepReport & { readonly frame: number }) => void;
  /** Everything compared; a recorded step that never came is a failed check. */
  checks(): readonly Check[];
}

/** Opens the trace of a run of `batch` clips. Entries are named `f<frame>.i<step>.<what>`, frames of the clip, steps from the noisiest. */
export function openTrace(recorded: RecordedTensors, batch: number): Trace {
  const checks = new Map<string, Check>();
  const compare = (name: string, got: () => Tensor): void => {
    const expected = recorded.find(name);
    if (expected !== undefined && !checks.has(name))
      scope(() => void checks.set(name, compareTensors(name, got(), expected, TOLERANCE)));
  };
  /** The step that the network is asked for next: steps report when they end. */
  let step = 0;
  return {
    watch: (network) => (x_BTCHW, levels_BT, conditioning) => {
      const at = `f${x_BTCHW.size(1) - 1}.i${step}`;
      // Guidance asks both branches in one batch: the first half is the conditional one.
      compare(`${at}.ts`, () => levels_BT.narrow(0, 0, batch));
      compare(`${at}.x_in`, () => swapTime(x_BTCHW.narrow(0, 0, batch)));
      return network(x_BTCHW, levels_BT, conditioning);
    },
    onStep({ frame, step: done, x_BTCHW, x0_BTCHW }) {
      compare(`f${frame}.i${done}.x_prev_last`, () => swapTime(x_BTCHW));
      compare(`f${frame}.i${done}.pred_x0_last`, () => swapTime(x0_BTCHW));
      step = recorded.names.some((name) => name.startsWith(`f${frame}.i${done + 1}.`)) ? done + 1 : 0;
    },
    checks: () => recorded.names.flatMap((name) => checks.get(name) ?? []),
  };
}
