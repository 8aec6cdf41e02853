// Our side's loaded network: what the benchmark asks it to do, by the same names as benchmarks/python/plain_world/session.py.
import {
  AdamW,
  clipGradNorm,
  inferenceMode,
  loadSafetensors,
  manualSeed,
  noGrad,
  saveSafetensors,
  scope,
  setNumThreads,
  type Tensor,
} from "@vid2world/torch";
import { diffusionLoss, lossSchema, type DiffusionLoss } from "@vid2world/world/diffusion/loss";
import { noiseSchedule } from "@vid2world/world/diffusion/schedule";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { joinRanks } from "@vid2world/world/training/process-ranks";
import { ownersOf, shardedState, shardOf } from "@vid2world/world/training/sharded-optimizer";
import { createTrainStep } from "@vid2world/world/training/train-step";
import { networkOf } from "@vid2world/world/world-network";
import { samplingCurve, trainingCurve } from "./memory-curve.js";
import type { CurveRequest, LoadRequest, MemoryPoint, RunTimes, Timed } from "./protocol.js";

/** A loaded network and its inputs. */
export interface Session {
  readonly parameters: number;
  repeat(what: Timed, count: number): Promise<RunTimes>;
  /** Output, loss, gradients, and the weights after one clipped step. */
  writeOutputs(mode: "train" | "eval", seed: number, path: string): Promise<void>;
  /** Looks at the memory during many steps. */
  curve(request: CurveRequest): Promise<readonly MemoryPoint[]>;
}

/** Loads a network. */
export async function openSession(request: LoadRequest): Promise<Session> {
  const { training, dtype, placement = { device: "cpu", precision: "float32" } } = request;
  const { device, precision } = placement;
  setNumThreads(training.threads);
  const unet = new UNet3D({ ...request.model, memoryFormat: request.layout });
  const weights = await loadSafetensors(request.weights);
  unet.loadStateDict(weights).to(dtype).to(device);
  for (const tensor of weights.values()) tensor.dispose();
  const given = await loadSafetensors(request.inputs);
  const input = (name: string): Tensor => {
    const x = given.get(name);
    if (x === undefined) throw new Error(`${request.inputs} has no tensor ${name}`);
    return (x.dtype === "float32" ? x.to(dtype) : x).to(device);
  };
  const [latents_BTCHW, noise_BTCHW, levels] = [input("latents"), input("noise"), input("levels")];
  const [actions_BTA, actionMask_BT] = [input("actions"), input("mask")];
  const context = given.has("context") ? input("context") : undefined;
  const network = networkOf(unet);
  const schedule = noiseSchedule(request.diffusion);
  const lossConfig = lossSchema.parse({});

  const lossOf = (): DiffusionLoss =>
    diffusionLoss(network, schedule, { latents_BTCHW, actions_BTA, ...(context && { context }) }, lossConfig, {
      levels,
      noise_BTCHW,
      actionMask_BT,
    });
  const forward = (): void => {
    unet.eval();
    scope(() => {
      const conditioning = { concat_BTCHW: latents_BTCHW, actions_BTA, actionMask_BT };
      inferenceMode(() => void network(noise_BTCHW, levels, conditioning));
    });
  };
  const { learningRate, betas, eps, weightDecay, gradientClip } = training;
  const place = request.ranks;
  const at = place && { ...place, masterAddr: "127.0.0.1", masterPort: place.port };
  const ranks = at && (await joinRanks(at, "cpu"));
  const all = [{ parameters: unet.namedParameters(), rate: 1, options: {} }];
  const owners = ownersOf(all, place?.sharded ? place.count : 1);
  const own = ranks && place?.sharded ? shardOf(all, owners, ranks.rank) : all;
  const optimizer = new AdamW(own, { learningRate, betas, eps, weightDecay });
  const step = createTrainStep({
    objective: { module: unet, losses: () => ({ total: lossOf().loss }) },
    optimizer,
    ranks,
    sharded: ranks && place?.sharded ? shardedState(optimizer, all, owners, ranks) : undefined,
    settings: {
      seed: 0,
      ...{ device, precision },
      accumulate: 1,
      gradientClip,
      instability: { policy: "skip", maxConsecutive: 20 },
    },
  });
  let steps = 0;
  const actions: Record<Timed, () => Promise<void> | void> = {
    forward,
    "train-step": async () => {
      await step.run(steps++, learningRate);
      step.verdicts(); // waits for the device
    },
  };

  return {
    parameters: unet.parameters().reduce((sum, parameter) => sum + parameter.numel, 0),
    repeat: (what, count) => timeRuns(actions[what], count),
    curve: ({ what, steps, every }) => {
      if (what === "training") return trainingCurve(actions["train-step"], steps, every);
      unet.eval();
      return samplingCurve(
        { network, schedule, latents_BTCHW, actions_BTA, windowLength: request.model.temporalLength },
        steps,
        every,
      );
    },
    async writeOutputs(mode, seed, path) {
      unet.train(mode === "train");
      manualSeed(seed);
      const found = new Map<string, Tensor>();
      const { loss, output_BTCHW } = scope(() => {
        const { loss, output_BTCHW } = lossOf();
        loss.backward();
        return { loss, output_BTCHW };
      });
      found.set("loss", loss).set("output", output_BTCHW);
      for (const [name, parameter] of unet.namedParameters())
        noGrad(() => found.set(`gradient.${name}`, (parameter.grad as Tensor).clone()));
      scope(() => void clipGradNorm(unet.parameters(), gradientClip));
      optimizer.step();
      optimizer.zeroGrad();
      for (const [name, parameter] of unet.namedParameters()) found.set(`updated.${name}`, parameter);
      await saveSafetensors(path, found);
    },
  };
}

/** Runs an action some times in a row. */
export async function timeRuns(action: () => Promise<void> | void, count: number): Promise<RunTimes> {
  const runs: { time: number; cpuTime: number }[] = [];
  while (runs.length < count) {
    const [begun, cpuBegun] = [process.hrtime.bigint(), process.cpuUsage()];
    await action();
    const { user, system } = process.cpuUsage(cpuBegun);
    runs.push({ time: Number(process.hrtime.bigint() - begun) / 1e6, cpuTime: (user + system) / 1000 });
  }
  return { times: runs.map(({ time }) => time), cpuTimes: runs.map(({ cpuTime }) => cpuTime) };
}
