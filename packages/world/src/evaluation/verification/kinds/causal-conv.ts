// Causal convolutions of one to three axes, and the transfer of a symmetric kernel's weights to a causal one.
import { readSafetensorsHeader } from "@vid2world/formats";
import { conv1d, conv2d, conv3d, type Tensor } from "@vid2world/torch";
import * as z from "zod";

import { transferWeight, type WeightTransfer } from "../../../model/causalize.js";
import { causalConv, type CausalConvOptions } from "../../../model/unet/causal-conv.js";
import { compareTensors, refuted, type Check } from "../check.js";
import { tensorFile, toleranceOr } from "../fixture-set.js";
import { compute, type CaseKind, type RecordedCase } from "../recorded-case.js";
import type { RecordedTensors, Workspace } from "../workspace.js";

const manifestSchema = z.looseObject({ tolerance: toleranceOr(1e-5) });

/** The input of a group that has none of its own, by the number of spatial axes. */
const SHARED_INPUT: Readonly<Record<number, string>> = { 1: "c1.x", 2: "c2.x", 3: "c3t.x" };
const TRANSFERS = ["shift", "masked", "extrapolative"] as const satisfies readonly WeightTransfer[];
const TRANSFER_TOLERANCE = { abs: 1e-6 };

/** Causal convolutions and weight transfers. */
export const causalConvolution: CaseKind = {
  name: "causal_conv",
  async cases(manifest) {
    const { tolerance } = manifest.read(manifestSchema);
    const file = tensorFile(manifest);
    const names = [...(await readSafetensorsHeader(file)).tensors.keys()];
    const convolutions = endingWith(names, ".weight").map((group): RecordedCase => ({
      name: group,
      usesDtype: true,
      run: async (workspace) => convolutionChecks(await workspace.load(file), group, tolerance, workspace),
    }));
    const transfers = endingWith(names, ".in").map((weight): RecordedCase => ({
      name: weight,
      usesDtype: false,
      run: async (workspace) => transferChecks(await workspace.load(file), weight),
    }));
    return [...convolutions, ...transfers];
  },
};

const endingWith = (names: readonly string[], ending: string): string[] =>
  names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length));

function convolutionChecks(
  recorded: RecordedTensors,
  group: string,
  tolerance: { readonly abs: number },
  { dtype }: Workspace,
): readonly Check[] {
  return compute(() => {
    const weight = recorded.get(`${group}.weight`).to(dtype);
    const axes = weight.shape.length - 2;
    const x = (recorded.find(`${group}.x`) ?? recorded.get(SHARED_INPUT[axes] ?? `${group}.x`)).to(dtype);
    const bias = recorded.find(`${group}.bias`)?.to(dtype);
    const dilation = Number(/^c\dd(\d+)$/.exec(group)?.[1] ?? 1);
    const checks: Check[] = [];
    const compare = (name: string, y: () => Tensor): void => {
      const expected = recorded.find(`${group}.${name}`);
      if (expected !== undefined) checks.push(compareTensors(`${group}.${name}`, y(), expected, tolerance));
    };
    compare("y", () => causalConv(x, weight, { dilation, ...(bias && { bias }) }));
    compare("y_noncausal", () => symmetricConv(x, weight, { dilation, ...(bias && { bias }) }));
    return checks.length > 0 ? checks : [refuted(`${group}.y`, "was not recorded")];
  });
}

/** The ordinary convolution that the causal one replaces. */
function symmetricConv(x: Tensor, weight: Tensor, { bias, dilation = 1 }: CausalConvOptions): Tensor {
  const kernel = weight.shape.slice(2);
  const spread = kernel.map((_, axis) => (axis === 0 ? dilation : 1));
  const padding = kernel.map((size, axis) => ((size - 1) / 2) * (spread[axis] ?? 1));
  const options = { padding, dilation: spread, ...(bias && { bias }) };
  if (kernel.length === 1) return conv1d(x, weight, options);
  return kernel.length === 2 ? conv2d(x, weight, options) : conv3d(x, weight, options);
}

function transferChecks(recorded: RecordedTensors, name: string): readonly Check[] {
  return compute(() =>
    TRANSFERS.flatMap((transfer) => {
      const expected = recorded.find(`${name}.${transfer}`);
      if (expected === undefined) return [];
      const got = transferWeight(recorded.get(`${name}.in`), { transfer });
      return [compareTensors(`${name}.${transfer}`, got, expected, TRANSFER_TOLERANCE)];
    }),
  );
}
