// The U-Net against recorded outputs of the published computation: both forms, all action encoders, intermediate features.
import { cat, inferenceMode, keep, type Module, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { smallUNet, swapTime, type UNetCase, type UNetManifest } from "../testing/unet-fixture.js";
import { unetLayout, type BlockPart } from "./layout.js";
import type { UNetBlock } from "./unet-block.js";
import type { UNet3D, UNetInput } from "./unet.js";

const present = hasFixture("unet_small.json");
const cases = present ? Object.entries(manifest<UNetManifest>("unet_small.json").cases) : [];

async function inputFor(wanted: UNetCase): Promise<UNetInput> {
  const map = await tensors(manifest<UNetManifest>("unet_small.json").inputs);
  const cut = (x: Tensor): Tensor => x.narrow(1, 0, wanted.T);
  const timesteps = pick(map, wanted.timesteps);
  return {
    x_BTCHW: cut(swapTime(pick(map, "x"))),
    timesteps: wanted.timesteps === "timesteps_bt" ? cut(timesteps) : timesteps,
    context: pick(map, wanted.context),
    ...(wanted.action_dim === null ? {} : { actions_BTA: cut(pick(map, `action${wanted.action_dim}`)) }),
    ...(typeof wanted.mask === "string" ? { actionMask_BT: cut(pick(map, wanted.mask)) } : {}),
    ...(wanted.fs === null ? {} : { fps_B: pick(map, wanted.fs) }),
  };
}

describe.skipIf(!present)("the U-Net against recorded outputs (skipped without the shared fixtures)", () => {
  test.each(cases)("case %s agrees", async (name, wanted) => {
    const { outputs, tolerance } = manifest<UNetManifest>("unet_small.json");
    const expected = swapTime(pick(await tensors(outputs), name));
    const input = await inputFor(wanted);
    for (const memoryFormat of ["channelsLast", "contiguous"] as const) {
      const model = await smallUNet(wanted.causal, wanted.action_dim, { memoryFormat });
      const error = maxError(
        inferenceMode(() => model.forward(input)),
        expected,
      );
      expect(error).toBeLessThanOrEqual(tolerance.abs);
    }
  });

  test("intermediate features agree", async () => {
    const { trace, cases: all } = manifest<UNetManifest>("unet_small.json");
    const wanted = all[trace.case] as UNetCase;
    const model = await smallUNet(wanted.causal, wanted.action_dim);
    const expected = await tensors(trace.file);
    const seen = new Map<string, Tensor>();
    for (const name of expected.keys()) recordOutput(moduleAt(model, name), (y) => seen.set(name, y));
    const input = await inputFor(wanted);
    inferenceMode(() => model.forward(input));
    for (const [name, features_2CHW] of expected) {
      const all_FCHW = pick(seen, name);
      const firstAndLast = cat([all_FCHW.narrow(0, 0, 1), all_FCHW.narrow(0, wanted.T - 1, 1)]);
      expect(maxError(firstAndLast, features_2CHW), name).toBeLessThanOrEqual(1e-3);
    }
  });
});

/** The module that the original calls `name`: a block, or a numbered part of one. */
function moduleAt(model: UNet3D, name: string): Module {
  if (name === "init_attn") return model.initialAttention as Module;
  if (name === "middle_block") return model.middleBlocks.at(-1) as Module;
  const [list, block, part] = name.split(".") as [string, string, string | undefined];
  const side = list === "input_blocks" ? "input" : "output";
  const found = (side === "input" ? model.inputBlocks : model.outputBlocks)[Number(block)] as UNetBlock;
  if (part === undefined) return found;
  const key = unetLayout(model.options)[side][Number(block)]?.parts[Number(part)] as BlockPart;
  return found[key] as Module;
}

/** Calls `see` with a copy of everything that `module` returns. */
function recordOutput(module: Module, see: (y: Tensor) => void): void {
  const target = module as Module & { forward: (...inputs: unknown[]) => Tensor };
  const forward = target.forward.bind(target);
  target.forward = (...inputs) => {
    const y = forward(...inputs);
    see(keep(y.clone()));
    return y;
  };
}
