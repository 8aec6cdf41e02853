// The next frames of played worlds: of one, or of several as one pass. Rows of a pass may have different seeds and be at different frames;
// what they must share is the number of known frames. States go in and come out; nothing is kept here.
// Axes: B worlds, T frames, C channels, H height, W width, A action channels.

import { invalid } from "@vid2world/formats";
import { type Device, type Tensor, cat, fromTypedArray, noGrad, scope } from "@vid2world/torch";
import type { Network, NetworkMemory, StreamingNetwork } from "./diffusion/denoiser.js";
import {
  type FrameSettings,
  type HistoryFrame,
  type SceneConditioning,
  noisedHistory,
  sampleFrame,
} from "./diffusion/frame-sampling.js";
import { seededNoise } from "./diffusion/noise.js";
import {
  type MemoryWork,
  committedAside,
  memoryWork,
  rememberingNetwork,
  workedMemory,
} from "./diffusion/rollout-memory.js";
import type { SamplerConfig } from "./diffusion/samplers/sampler-config.js";
import type { NoiseSchedule } from "./diffusion/schedule.js";
import { type WorldAction, actionVector } from "./world-actions.js";
import type { WorldConfig } from "./world-config.js";
import type { WorldState } from "./world-state.js";

/** What draws frames. A `WorldModel` is one. */
export interface FrameMaker {
  readonly config: WorldConfig;
  readonly device: Device;
  readonly network: Network;
  readonly streaming: StreamingNetwork | undefined;
  readonly schedule: NoiseSchedule;
  readonly sampler: SamplerConfig;
}

/** How frames are drawn. */
export interface DrawOptions {
  /** In place of the world's own. */
  readonly sampler?: SamplerConfig;
  readonly signal?: AbortSignal;
}

/** What a state's memory waits for before the next frame; undefined: nothing, it is settled. */
export const settlingOf = (world: FrameMaker, { memory, frame }: WorldState): MemoryWork | undefined =>
  memoryWork(memory, frame, { sampler: world.sampler, ...(world.streaming && { streaming: world.streaming }) });

/**
 * The states with memories that hold all their frames. All must wait for the same work (`settlingOf`, not undefined) with equally many
 * frames. Only the memories are new; they are the caller's.
 */
export function settleStates(world: FrameMaker, states: readonly WorldState[]): WorldState[] {
  const first = alike(world, states);
  const work = settlingOf(world, first);
  const { streaming } = world;
  if (work === undefined || streaming === undefined) return [...states];
  const settings = { ...settingsOf(world, states, {}), streaming };
  const memories = noGrad(() =>
    scope(() => {
      const past = work === "commit" ? joinedMemory(streaming, states) : undefined;
      try {
        return apart(streaming, workedMemory(work, past, joinedHistory(states), joinedScene(states), settings), states);
      } finally {
        if (states.length > 1) past?.dispose();
      }
    }),
  );
  return states.map((state, b) => ({
    ...state,
    memory: {
      memory: memories[b] as NetworkMemory,
      next: state.frame,
      began: work === "begin" ? state.frame : (state.memory?.began ?? state.frame),
    },
  }));
}

/**
 * The state with its newest frame in what the network remembers, which is evaluated on a thread beside JavaScript's; undefined where that is
 * not what it waits for. The state must be kept until then. Only the memory is new; it is the caller's.
 */
export function settleAside(world: FrameMaker, state: WorldState): Promise<WorldState> | undefined {
  const { streaming } = world;
  const { memory: past } = state;
  if (streaming === undefined || past === undefined || settlingOf(world, state) !== "commit") return undefined;
  const settings = { ...settingsOf(world, [state], {}), streaming };
  const committed = noGrad(() => [committedAside(past.memory, state.history, state.scene, settings)] as const);
  return committed[0].then((memory) => ({ ...state, memory: { memory, next: state.frame, began: past.began } }));
}

/** The states after one more frame each, drawn as one pass from settled states. The newest frame of `history` is the caller's. */
export function drawFrames(
  world: FrameMaker,
  states: readonly WorldState[],
  actions: readonly WorldAction[],
  options: DrawOptions = {},
): WorldState[] {
  const first = alike(world, states);
  if (settlingOf(world, first) !== undefined)
    throw invalid("states", "settled states (settleStates)", "one whose memory lacks its newest frame");
  const settings = settingsOf(world, states, options);
  const memory = first.memory && world.streaming && joinedMemory(world.streaming, states);
  const network = rememberingNetwork(world.network, memory && { memory, next: 0, began: 0 }, settings);
  try {
    const made = noGrad(() =>
      scope((): HistoryFrame[] => {
        const action_BA = actionTensor(world, actions);
        // The rows' own frame numbers are in the noise.
        const latent_BCHW = sampleFrame(network, joinedHistory(states), action_BA, 0, joinedScene(states), settings);
        const noisy_BCHW = noisedHistory(latent_BCHW, 0, settings);
        const row = (x: Tensor, b: number): Tensor => rowMajor(x.narrow(0, b, 1));
        return states.map((_, b) => ({
          latent_BCHW: row(latent_BCHW, b),
          noisy_BCHW: row(noisy_BCHW, b),
          ...(action_BA && { action_BA: row(action_BA, b) }),
        }));
      }),
    );
    return states.map((state, b) => withFrame(state, made[b] as HistoryFrame, settings.windowLength));
  } finally {
    if (states.length > 1) memory?.dispose();
  }
}

/** A copy in row-major order: a state must not depend on the pass that it was drawn in, nor on whether it was read from a file. */
export const rowMajor = (x: Tensor): Tensor => x.clone({ memoryFormat: "contiguous" });

/** The state after a frame that was drawn before. */
export const withFrame = (state: WorldState, frame: HistoryFrame, windowLength: number): WorldState => ({
  ...state,
  history: [...state.history, frame].slice(1 - windowLength),
  frame: state.frame + 1,
});

/** How the next frames of some worlds are drawn: noise by each row's seed and frame number, counted from 0 for this frame. */
export function settingsOf(
  world: FrameMaker,
  rows: readonly Pick<WorldState, "seed" | "frame">[],
  { sampler = world.sampler, signal }: DrawOptions,
): FrameSettings {
  const { schedule, device, streaming } = world;
  const noise = seededNoise(
    rows.map(({ seed }) => seed),
    { device, frames: rows.map(({ frame }) => frame) },
  );
  const windowLength = world.config.unet.temporalLength;
  return { schedule, sampler, windowLength, noise, ...(streaming && { streaming }), ...(signal && { signal }) };
}

/** [B A]; undefined in a world without actions. */
export function actionTensor({ config, device }: FrameMaker, actions: readonly WorldAction[]): Tensor | undefined {
  const width = config.unet.actionDim ?? 0;
  if (width === 0) return undefined;
  const rows = actions.map((action) => [...actionVector(action, width, config.channels)]);
  return fromTypedArray(Float32Array.from(rows.flat()), [actions.length, width]).to(device);
}

/** Checks that one pass can hold all states, and gives the first. */
function alike(world: FrameMaker, states: readonly WorldState[]): WorldState {
  const [first] = states;
  if (first === undefined) throw invalid("states", "at least one state", states);
  const work = settlingOf(world, first);
  for (const state of states)
    if (state.history.length !== first.history.length || settlingOf(world, state) !== work)
      throw invalid("states", "states of equally many known frames, settled or not", states.length);
  return first;
}

function joinedMemory(streaming: StreamingNetwork, states: readonly WorldState[]): NetworkMemory | undefined {
  const memories = states.flatMap(({ memory }) => memory?.memory ?? []);
  return memories.length > 1 ? streaming.join(memories) : memories[0];
}

function apart(streaming: StreamingNetwork, memory: NetworkMemory, states: readonly WorldState[]): NetworkMemory[] {
  if (states.length === 1) return [memory];
  const alone = streaming.split(memory);
  memory.dispose();
  return alone;
}

function joinedHistory(states: readonly WorldState[]): readonly HistoryFrame[] {
  const [first, ...others] = states.map(({ history }) => history);
  if (first === undefined || others.length === 0) return first ?? [];
  return first.map((frame, t) => joinedRecords([frame, ...others.map((history) => history[t] as HistoryFrame)]));
}

function joinedScene(states: readonly WorldState[]): SceneConditioning {
  return joinedRecords(states.map(({ scene }) => scene));
}

/** Records of tensors with the same names, joined name by name along the batch. */
function joinedRecords<R extends object>(records: readonly R[]): R {
  const [first] = records;
  if (first === undefined || records.length === 1) return first as R;
  const names = Object.keys(first) as (keyof R)[];
  return Object.fromEntries(
    names.map((name) => [name, cat(records.map((record) => record[name] as Tensor))]),
  ) as unknown as R;
}
