// Guidance: the batched form against the plain one, the formula, and the recorded rescale of the published code.
import { existsSync } from "node:fs";
import path from "node:path";
import { Generator, type Tensor, loadSafetensors, ones, randn, scope } from "@vid2world/torch";
import { expect, test } from "vitest";
import { withoutNewestAction } from "./actions.js";
import type { Conditioning, Network } from "./denoiser.js";
import { guide, rescaleGuided } from "./guidance.js";

const draw = (seed: number, shape = [2, 3, 4, 2, 2]): Tensor => randn(shape, { generator: new Generator({ seed }) });
const x_BTCHW = draw(1);
const levels_BT = ones([2, 3], { dtype: "int64" });
const conditioning: Conditioning = { actions_BTA: draw(2, [2, 3, 4]), context: draw(3, [2, 5, 6]) };
const largest = (a: Tensor, b: Tensor): number => Math.max(...(a.sub(b).abs().toTypedArray() as Float32Array));

/** Depends on everything it is given, each sample on its own. */
const network: Network = (x, levels, { actions_BTA, actionMask_BT, context }) => {
  const [b, t] = x.dims("B T C H W");
  const mask = actionMask_BT ?? ones([b, t]);
  const action = (actions_BTA?.sum([2]) ?? ones([b, t])).mul(mask).reshape([b, t, 1, 1, 1]);
  const tokens = (context?.sum([1, 2]) ?? ones([b])).reshape([b, 1, 1, 1, 1]);
  return x
    .mul(action.add(1))
    .add(tokens)
    .add(levels.float().reshape([b, t, 1, 1, 1]));
};

test("both branches in one call give what two calls give", () => {
  scope(() => {
    const options = { scale: 2.5, rescale: 0.7 };
    const batched = guide(network, withoutNewestAction, { ...options, batched: true });
    const separate = guide(network, withoutNewestAction, { ...options, batched: false });
    expect(largest(batched(x_BTCHW, levels_BT, conditioning), separate(x_BTCHW, levels_BT, conditioning))).toBeLessThan(
      1e-5,
    );
    return [];
  });
});

test("guidance asks once for a batch of two, and scale 1 does not guide at all", () => {
  const batches: number[] = [];
  const counting: Network = (x, levels, given) => {
    batches.push(x.size(0));
    return network(x, levels, given);
  };
  scope(() => guide(counting, withoutNewestAction, { scale: 3 })(x_BTCHW, levels_BT, conditioning));
  expect(batches).toEqual([4]);
  expect(guide(counting, withoutNewestAction, { scale: 1 })).toBe(counting);
});

test("the result is u + s (c - u), and the newest action is the only difference of the branches", () => {
  scope(() => {
    const c = network(x_BTCHW, levels_BT, conditioning);
    const u = network(x_BTCHW, levels_BT, withoutNewestAction(conditioning, 2, 3));
    expect(largest(c.narrow(1, 0, 2), u.narrow(1, 0, 2))).toBe(0);
    expect(largest(c.narrow(1, 2, 1), u.narrow(1, 2, 1))).toBeGreaterThan(0.1);
    const guided = guide(network, withoutNewestAction, { scale: 4 })(x_BTCHW, levels_BT, conditioning);
    expect(largest(guided, u.add(c.sub(u).mul(4)))).toBeLessThan(1e-4);
    return [];
  });
});

test("full rescale gives the conditional deviation, and a constant prediction stays finite", () => {
  scope(() => {
    const [guided, conditional] = [draw(4).mul(7), draw(5)];
    const deviation = (x: Tensor): Tensor => x.std([1, 2, 3, 4]);
    expect(largest(deviation(rescaleGuided(guided, conditional, 1)), deviation(conditional))).toBeLessThan(1e-5);
    const constant = ones([1, 2, 1, 2, 2]);
    expect((rescaleGuided(constant, constant, 0.7).toTypedArray() as Float32Array).every(Number.isFinite)).toBe(true);
    return [];
  });
});

test("conditioning that only one branch has is refused by name", () => {
  const lossy = guide(network, ({ actions_BTA }) => ({ ...(actions_BTA && { actions_BTA }) }), { scale: 2 });
  expect(() => scope(() => lossy(x_BTCHW, levels_BT, conditioning))).toThrow(/conditioning.context/);
});

const recorded = path.resolve(
  import.meta.dirname,
  "../../../..",
  process.env["VID2WORLD_SHARED"] ?? "../shared",
  "fixtures/ddim_small2.safetensors",
);
test.skipIf(!existsSync(recorded))("the recorded rescale cases", async () => {
  const file = await loadSafetensors(recorded, { filter: (name) => name.startsWith("rescale.") });
  const video = (name: string): Tensor => (file.get(name) as Tensor).permute([0, 2, 1, 3, 4]);
  for (const name of file.keys()) {
    const share = /^rescale\.out_(.+)$/.exec(name)?.[1];
    if (share === undefined) continue;
    const got = rescaleGuided(video("rescale.cfg"), video("rescale.cond"), Number(share));
    expect(largest(got, video(name)), name).toBeLessThan(1e-5);
  }
});
