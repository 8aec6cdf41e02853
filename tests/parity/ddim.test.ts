// Sampling against the recorded runs of the published code: whole clips and frame by frame, with its noise put in.
import type { Tensor } from "@vid2world/torch";
import { type RolloutStart, rollout, sampleClip } from "@vid2world/world/diffusion/rollout";
import { samplerSchema } from "@vid2world/world/diffusion/samplers/sampler-config";
import { hasFixture, manifest, maxError, pick, tensors } from "@vid2world/world/model/testing/fixtures";
import { describe, expect, test } from "vitest";
import {
  type Lookup,
  autoregressiveNoise,
  clipNoise,
  framesFirst,
  recordedSchedule,
  smallNetwork,
} from "./small-world.js";

interface DdimCase {
  readonly ar: boolean;
  readonly cond_frame?: number;
  readonly action_dim?: number;
  readonly steps?: number;
  readonly scale?: number;
  readonly gr?: number;
  readonly eta?: number;
  readonly spacing?: string;
  readonly uc?: string;
  readonly kv?: boolean;
  readonly nsched?: 1 | null;
  readonly action?: string;
}
interface DdimManifest {
  readonly sampler?: { readonly S: number; readonly scale: number; readonly guidance_rescale: number };
  readonly cases: Readonly<Record<string, DdimCase>>;
  readonly tolerance: { readonly abs: number };
  readonly nan_cases?: readonly string[];
}

const files = ["ddim_small.json", "ddim_small.safetensors", "unet_small.json", "train_loss.json"];
const present = files.every(hasFixture);
const defaults = present ? manifest<DdimManifest>("ddim_small.json").sampler : undefined;

describe.each(["ddim_small", "ddim_small2"])("recorded %s (skipped without the shared fixtures)", (stem) => {
  const here = present && hasFixture(`${stem}.json`) && hasFixture(`${stem}.safetensors`);
  const { cases, tolerance, nan_cases } = here
    ? manifest<DdimManifest>(`${stem}.json`)
    : { cases: {}, tolerance: { abs: 0 } };
  // The published key-value cache does not compute what the published model computes; it is not copied.
  const comparable = Object.entries(cases).filter(([name, { kv }]) => !kv && !nan_cases?.includes(name));

  test.skipIf(!here).each(comparable)(
    "%s",
    async (name, given) => {
      const input = await tensors("ddim_small.safetensors", `${stem}.safetensors`);
      const got = await run(given, (key) => pick(input, key));
      const difference = maxError(framesFirst(got), pick(input, `out.${name}`));
      if (name.startsWith("WRONG_")) expect(difference).toBeGreaterThan(0.05);
      else expect(difference).toBeLessThanOrEqual(tolerance.abs);
    },
    600_000,
  );
});

/** Runs one case with the recorded inputs. -> [B T C H W] */
async function run(given: DdimCase, input: Lookup): Promise<Tensor> {
  const action = given.action ?? `action${given.action_dim ?? 13}`;
  const network = await smallNetwork(Number(/^action(\d+)/.exec(action)?.[1]));
  const sampler = samplerSchema.parse({
    numSteps: given.steps ?? defaults?.S,
    spacing: given.spacing ?? "uniform_trailing",
    eta: given.eta ?? 0,
    guidanceScale: given.scale ?? defaults?.scale,
    guidanceRescale: given.gr ?? defaults?.guidance_rescale,
    historyLevel: given.nsched === null ? "clean" : "second-step",
  });
  const z_BTCHW = framesFirst(input("in.z"));
  const frames = z_BTCHW.size(1);
  const scene = {
    actions_BTA: input(`in.${action}`),
    context: input("in.context"),
    fps_B: input("in.fs"),
    ...(given.uc && { unconditionalContext: input("in.uncond_context") }),
  };
  const schedule = recordedSchedule();
  if (!given.ar) {
    const mask = given.uc ? { unconditionalMask_BT: input("in.uncond_action_mask_random") } : {};
    const start = { ...scene, ...mask, latents_BTCHW: z_BTCHW, numFrames: frames };
    return sampleClip(network, start, { schedule, sampler, noise: clipNoise(input) });
  }
  const context = given.cond_frame ?? 1;
  const start: RolloutStart = { ...scene, latents_BTCHW: z_BTCHW.narrow(1, 0, context), numFrames: frames - context };
  const noise = autoregressiveNoise(input, context);
  return rollout(network, start, { schedule, sampler, windowLength: frames, noise });
}

const traced = present && hasFixture("ddim_small.trace.safetensors");
test.skipIf(!traced)(
  "every recorded step: levels of the window, the new frame after the step, and its clean prediction",
  async () => {
    const trace = await tensors("ddim_small.trace.safetensors");
    const inputs = await tensors("ddim_small.safetensors");
    const input: Lookup = (key) => pick(inputs, key);
    const network = await smallNetwork(13);
    const z_BTCHW = framesFirst(input("in.z"));
    const worst = { x_prev_last: 0, pred_x0_last: 0, x_in: 0 };
    const compare = (what: keyof typeof worst, frame: number, step: number, got_BTCHW: Tensor): void => {
      const expected = trace.get(`f${frame}.i${step}.${what}`);
      if (expected) worst[what] = Math.max(worst[what], maxError(framesFirst(got_BTCHW), expected));
    };
    let calls = 0;
    await rollout(
      (x, levels, conditioning) => {
        const frame = x.size(1) - 1;
        const step = calls++ % 5;
        const expected = trace.get(`f${frame}.i${step}.ts`);
        // Both branches of guidance are one batch: the first half is the conditional one.
        if (expected) expect(levels.narrow(0, 0, 2).toNumbers()).toEqual(expected.toNumbers());
        compare("x_in", frame, step, x.narrow(0, 0, 2));
        return network(x, levels, conditioning);
      },
      {
        latents_BTCHW: z_BTCHW.narrow(1, 0, 2),
        actions_BTA: input("in.action13"),
        context: input("in.context"),
        fps_B: input("in.fs"),
        numFrames: z_BTCHW.size(1) - 2,
      },
      {
        schedule: recordedSchedule(),
        sampler: samplerSchema.parse({ numSteps: 5, eta: 0 }),
        windowLength: z_BTCHW.size(1),
        noise: autoregressiveNoise(input, 2),
        onStep({ frame, step, x_BTCHW, x0_BTCHW }) {
          compare("x_prev_last", frame, step, x_BTCHW);
          compare("pred_x0_last", frame, step, x0_BTCHW);
        },
      },
    );
    for (const [what, difference] of Object.entries(worst)) expect(difference, what).toBeLessThan(1e-3);
  },
  600_000,
);
