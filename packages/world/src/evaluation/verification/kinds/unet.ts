// The small U-Net: both forms, every action head, scalar and per-frame timesteps, both ways of splitting the context; and what its
// blocks return on the way.
// Axes: B batch, T frames, F = B * T, C channels, H height, W width.
import { cat, type Tensor } from "@vid2world/torch";
import * as z from "zod";

import { baseToCausalUNetKey, unetKeyMap } from "../../../model/key-maps/unet.js";
import { UNet3D, type UNetInput } from "../../../model/unet/unet.js";
import { compareExactly, compareTensors, type Check } from "../check.js";
import { optional, toleranceOr, type Manifest } from "../fixture-set.js";
import { moduleAt, watchOutput } from "../models/original-modules.js";
import { compareShapes, onMeta, originalShapes } from "../models/original-shapes.js";
import { unetOptions } from "../../../model/key-maps/original-options.js";
import { recordedUNet, swapTime, unetWeightsSchema } from "../models/published-unet.js";
import { compute, skipped, type CaseKind, type RecordedCase } from "../recorded-case.js";
import type { RecordedTensors, Workspace } from "../workspace.js";

const caseSchema = z.looseObject({
  causal: z.boolean(),
  action_dim: z.int().nullable().default(null),
  timesteps: z.enum(["timesteps_b", "timesteps_bt"]),
  context: z.string(),
  fs: z.string().nullable().default(null),
  mask: z.string().nullable().default(null),
  T: z.int().min(1),
});

const manifestSchema = unetWeightsSchema.extend({
  inputs: z.string(),
  outputs: z.string(),
  cases: z.record(z.string(), caseSchema),
  rename_base_to_causal: z.record(z.string(), z.string()).default({}),
  keys_causal: optional(z.record(z.string(), z.array(z.int()))),
  trace: optional(z.looseObject({ file: z.string(), case: z.string() })),
  tolerance: toleranceOr(5e-4),
});

type UNetManifest = z.output<typeof manifestSchema>;
type UNetCase = z.output<typeof caseSchema>;

const TRACE_TOLERANCE = { abs: 1e-3 };

/** Outputs of the small U-Net; its traced blocks and its complete list of keys as cases of their own. */
export const unet: CaseKind = {
  name: "unet_small",
  cases(manifest) {
    const recorded = manifest.read(manifestSchema);
    const outputs = Object.entries(recorded.cases).map(([name, wanted]): RecordedCase => ({
      name,
      usesDtype: true,
      run: (workspace) => outputChecks(workspace, manifest, recorded, name, wanted),
    }));
    return Promise.resolve([...outputs, ...traceCase(manifest, recorded), ...keysCase(recorded)]);
  },
};

async function outputChecks(
  workspace: Workspace,
  manifest: Manifest,
  recorded: UNetManifest,
  name: string,
  wanted: UNetCase,
): Promise<readonly Check[]> {
  const model = await recordedUNet(workspace, manifest, formOf(wanted));
  const inputs = await workspace.load(manifest.path(recorded.inputs));
  const outputs = await workspace.load(manifest.path(recorded.outputs), (tensor) => tensor === name);
  return compute(() => {
    const y_BCTHW = swapTime(model.forward(inputOf(wanted, inputs)));
    return [compareTensors(name, y_BCTHW, outputs.get(name), recorded.tolerance)];
  });
}

const formOf = ({ causal, action_dim }: UNetCase) => ({ causal, actionDim: action_dim });

/** Everything but the context is cut to the case's frames: whether the context is split depends on its full length. */
function inputOf({ T, timesteps, context, action_dim, mask, fs }: UNetCase, inputs: RecordedTensors): UNetInput {
  const cut = (x: Tensor): Tensor => x.narrow(1, 0, T);
  return {
    x_BTCHW: cut(swapTime(inputs.get("x"))),
    timesteps: timesteps === "timesteps_bt" ? cut(inputs.get(timesteps)) : inputs.get(timesteps),
    context: inputs.get(context),
    ...(action_dim === null ? {} : { actions_BTA: cut(inputs.get(`action${action_dim}`)) }),
    ...(mask === null ? {} : { actionMask_BT: cut(inputs.get(mask)) }),
    ...(fs === null ? {} : { fps_B: inputs.get(fs) }),
  };
}

function traceCase(manifest: Manifest, recorded: UNetManifest): RecordedCase[] {
  const { trace, cases } = recorded;
  if (trace === undefined) return [];
  const wanted = cases[trace.case];
  const name = `trace of ${trace.case}`;
  const file = manifest.find(trace.file);
  if (wanted === undefined || file === undefined) {
    return [skipped(name, `${wanted === undefined ? trace.case : trace.file} is not there`)];
  }
  const run: RecordedCase["run"] = async (workspace) => {
    const model = await recordedUNet(workspace, manifest, formOf(wanted));
    const inputs = await workspace.load(manifest.path(recorded.inputs));
    const expected = await workspace.load(file);
    return compute(() => {
      const seen = watchAll(model, expected.names);
      model.forward(inputOf(wanted, inputs));
      return expected.names.map((module): Check => {
        const features = seen.get(module);
        const ends = features && firstAndLastFrame(features, wanted.T);
        const recordedEnds = expected.get(module);
        if (ends?.shape.join() !== recordedEnds.shape.join()) return unwatched(module);
        return compareTensors(module, ends, recordedEnds, TRACE_TOLERANCE);
      });
    });
  };
  return [{ name, usesDtype: true, run }];
}

function watchAll(model: UNet3D, names: readonly string[]): Map<string, Tensor> {
  const map = unetKeyMap(model.options);
  const seen = new Map<string, Tensor>();
  for (const name of names) {
    const module = moduleAt(model, map, name);
    if (module !== undefined) watchOutput(module, (y) => seen.set(name, y));
  }
  return seen;
}

/** Of the first clip: [F C H W] -> [2 C H W]. Undefined for what has no frames: it has no counterpart in the trace. */
function firstAndLastFrame(features: Tensor, frames: number): Tensor | undefined {
  if (features.rank !== 4 || features.size(0) < frames) return undefined;
  return cat([features.narrow(0, 0, 1), features.narrow(0, frames - 1, 1)]);
}

/** A trace is an aid, not a requirement: a module that has no counterpart here is only mentioned. */
const unwatched = (module: string): Check => ({
  ...compareExactly(module, true, ""),
  note: "has no counterpart here; not compared",
});

function keysCase({ config, keys_causal, rename_base_to_causal }: UNetManifest): RecordedCase[] {
  if (keys_causal === undefined) return [];
  const expected = new Map(Object.entries(keys_causal));
  const actionDim = expected.get("action_emb_preprocess.weight")?.[0] ?? expected.get("action_emb_proj.0.weight")?.[1];
  const run: RecordedCase["run"] = () => {
    const options = unetOptions(config, true, actionDim ?? null);
    const model = onMeta(() => new UNet3D(options));
    const wrong = Object.entries(rename_base_to_causal).filter(([from, to]) => baseToCausalUNetKey(from) !== to);
    const renames = `${wrong.length} of the names differ, for instance that of ${wrong[0]?.[0] ?? ""}`;
    return Promise.resolve([
      compareShapes("keys_causal", originalShapes(model, unetKeyMap(options)), expected),
      compareExactly("rename_base_to_causal", wrong.length === 0, renames),
    ]);
  };
  return [{ name: "keys", usesDtype: false, run }];
}
