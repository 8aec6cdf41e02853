// One session inside the engine: the tree of its frames as plain numbers, and the states that are held as tensors. A state that is not held
// is computed again from the nearest one on the way, by the very operations that made it, so that it has the same bytes.

import { type Device, OutOfMemoryError, type Tensor, empty, fromTypedArray, noGrad, scope } from "@vid2world/torch";
import type { NetworkMemory } from "../diffusion/denoiser.js";
import { type HistoryFrame, noisedHistory } from "../diffusion/frame-sampling.js";
import type { WorldAction } from "../world-actions.js";
import { actionTensor, settingsOf, settleStates, settlingOf, withFrame } from "../world-frames.js";
import type { WorldModel } from "../world-model.js";
import { type WorldState, releaseState, retainState } from "../world-state.js";
import { EngineError, type EngineStart, type FullSettings, type KeptFrame } from "./engine.js";
import type { SessionRecord, StoredMemory, StoredTensor } from "./session-record.js";
import { StateCache, type StateCacheLimits } from "./state-cache.js";

/** A frame of the tree. */
export interface TreeNode {
  readonly node: number;
  /** Absent for the first context frame. */
  readonly parent?: number;
  /** Counted from the first context frame. */
  readonly frame: number;
  /** One value per channel; absent where the frame began at rest, or the world cannot be acted in. */
  readonly action?: readonly number[];
  /** Absent for context frames. */
  readonly settings?: FullSettings;
  /** C*h*w numbers. */
  readonly latent: Float32Array;
}

/** Encodes a start, whose frames become nodes 0 to K - 1. The start must have been checked. */
export function openSession(world: WorldModel, start: EngineStart, limits: StateCacheLimits): EngineSession {
  const { frames, actions, seed } = start;
  const state = retainState(world.begin({ frames, ...(actions && { actions }) }, { seed }));
  const nodes = state.history.map(({ latent_BCHW }, k): TreeNode => ({
    node: k,
    ...(k > 0 && { parent: k - 1 }),
    frame: k,
    ...(k > 0 && actions?.[k - 1] && { action: actions[k - 1] }),
    latent: latent_BCHW.toTypedArray() as Float32Array,
  }));
  const root = { history: [], frame: 0, seed, scene: state.scene };
  const session = new EngineSession(world, { root, contextFrames: frames.slice(), nodes }, limits);
  session.states.put(nodes.length - 1, state);
  releaseState(state);
  return session;
}

/** A session from its record, which must be of this world. Memories become states where they fit the limits. */
export function reopenSession(world: WorldModel, record: SessionRecord, limits: StateCacheLimits): EngineSession {
  const { seed, contextFrames, nodes } = record;
  const scene = noGrad(() =>
    scope(() => Object.fromEntries(Object.entries(record.scene).map(([name, x]) => [name, tensorOf(x, world.device)]))),
  );
  const session = new EngineSession(
    world,
    { root: { history: [], frame: 0, seed, scene }, contextFrames, nodes },
    limits,
  );
  try {
    // The newest comes first in a record, and is to be the one used last.
    for (const memory of [...record.memories].reverse()) session.remember(memory);
    return session;
  } catch (error) {
    session.dispose();
    if (error instanceof EngineError || error instanceof OutOfMemoryError) throw error;
    throw new EngineError("bad-snapshot", `snapshot: a memory does not fit the network: ${String(error)}`);
  }
}

/** A session's tree and states. */
export class EngineSession {
  readonly seed: number;
  /** K*H*W*3 bytes. */
  readonly contextFrames: Uint8Array;
  readonly nodes: TreeNode[];
  readonly states: StateCache;
  readonly #world: WorldModel;
  /** What its states share: the conditioning of the scene. No history. */
  readonly #root: WorldState;

  /** Begins with the context's nodes. `root` is taken over by the session: the state of no frame, with the scene's tensors. */
  constructor(
    world: WorldModel,
    start: { readonly root: WorldState; readonly contextFrames: Uint8Array; readonly nodes: readonly TreeNode[] },
    limits: StateCacheLimits,
  ) {
    this.#world = world;
    this.#root = retainState(start.root);
    this.seed = start.root.seed;
    this.contextFrames = start.contextFrames;
    this.nodes = [...start.nodes];
    this.states = new StateCache(limits);
  }

  /** Conditioning of the scene. */
  get scene(): WorldState["scene"] {
    return this.#root.scene;
  }

  /** Bytes of states and of the tree. */
  get bytes(): number {
    const latent = this.nodes[0]?.latent.byteLength ?? 0;
    return this.states.bytes + this.nodes.length * latent + this.contextFrames.length;
  }

  /**
   * Computes the state of a node that is not held, one evaluation of the network per turn, and keeps it. Between two turns other sessions may
   * have theirs.
   */
  *rebuild(node: number): Generator<undefined, void, void> {
    const { states } = this;
    const missing: TreeNode[] = [];
    let at: TreeNode | undefined = this.nodes[node];
    while (at !== undefined && !states.has(at.node)) {
      missing.unshift(at);
      at = isContext(at) ? undefined : this.nodes[at.parent ?? 0];
    }
    const held = at && states.get(at.node);
    let state = retainState(held ?? this.#contextState((missing.shift() as TreeNode).node));
    try {
      for (const next of missing) {
        const after = retainState(this.#follow(state, next));
        releaseState(state);
        state = after;
        if (states.isKeyframe(state)) states.put(next.node, state);
        yield undefined;
      }
      states.put(node, state);
    } finally {
      releaseState(state);
    }
  }

  /** Adds a drawn frame; the state is the one after it. */
  add(parent: number, action: readonly number[], settings: FullSettings, state: WorldState): TreeNode {
    const newest = state.history.at(-1) as HistoryFrame;
    const made: TreeNode = {
      node: this.nodes.length,
      parent,
      frame: state.frame - 1,
      action,
      settings,
      latent: newest.latent_BCHW.toTypedArray() as Float32Array,
    };
    this.nodes.push(made);
    this.states.put(made.node, state);
    return made;
  }

  /** Adds a frame that was drawn elsewhere, which was checked. Its state is computed when it is gone on from. */
  append({ node, parent, action, settings, latent }: KeptFrame): void {
    const { frame } = this.nodes[parent] as TreeNode;
    this.nodes.push({ node, parent, frame: frame + 1, action: [...action], settings, latent });
  }

  /** Everything needed to go on elsewhere; the limits are those of what is taken along of the newest states and then the keyframes. */
  record(checksum: string, limits: { readonly bytes: number; readonly memories: number }): SessionRecord {
    const { seed, contextFrames, nodes } = this;
    const scene = Object.fromEntries(
      Object.entries(this.#root.scene).map(([name, x]) => [name, storedTensor(x as Tensor)]),
    );
    const { latentShape } = this.#world;
    const memories = this.memories(limits.bytes, limits.memories);
    return { checksum, seed, contextFrames, latentShape, nodes: [...nodes], scene, memories };
  }

  /** What the network remembers at the newest states and then the keyframes, within so many bytes, of so many nodes. */
  memories(bytes: number, most = Infinity): StoredMemory[] {
    const memories: StoredMemory[] = [];
    let left = bytes;
    for (const [node, { memory }] of this.states.newestFirst()) {
      if (memories.length === most) break;
      if (memory === undefined || memory.memory.bytes > left) continue;
      left -= memory.memory.bytes;
      const { next, began } = memory;
      memories.push({ node, next, began, tensors: memory.memory.tensors.map(storedTensor) });
    }
    return memories;
  }

  /** Takes in what the network remembered at a node. */
  remember({ node, next, began, tensors }: StoredMemory): void {
    const { streaming, device } = this.#world;
    const tree = this.nodes[node];
    if (streaming === undefined || tree === undefined) return;
    if (next !== tree.frame && next !== tree.frame + 1)
      throw new EngineError("bad-snapshot", `snapshot: the memory of frame ${tree.frame} ends before frame ${next}`);
    let memory: NetworkMemory | undefined;
    noGrad(() =>
      scope(() => {
        // What a memory looks like is learned from one of the first frame alone.
        const [model] = settleStates(this.#world, [this.#contextState(0)]) as [WorldState];
        try {
          const own = tensors.map((x) => tensorOf(x, device));
          memory = streaming.remake(model.memory?.memory as NetworkMemory, own);
        } finally {
          model.memory?.memory.dispose();
        }
      }),
    );
    if (memory) this.states.put(node, { ...this.#withoutMemory(tree), memory: { memory, next, began } });
  }

  /** A frame's latent [1 C h w]; it is the caller's. */
  latentOf({ latent }: TreeNode): Tensor {
    return noGrad(() => scope(() => fromTypedArray(latent, [1, ...this.#world.latentShape]).to(this.#world.device)));
  }

  /** Frees all tensors. */
  dispose(): void {
    this.states.clear();
    releaseState(this.#root);
  }

  /** The state at a node as far as the window goes, without what the network remembers. */
  #withoutMemory(node: TreeNode): WorldState {
    const path: TreeNode[] = [];
    const most = this.#world.config.unet.temporalLength - 1;
    for (let at: TreeNode | undefined = node; at && path.length < most; at = this.nodes[at.parent ?? -1])
      path.unshift(at);
    return { ...this.#root, history: path.map((tree) => this.#frameOf(tree)), frame: node.frame + 1 };
  }

  /** The state at a context frame: those up to it are all that is known. */
  #contextState(node: number): WorldState {
    const history = this.nodes.slice(0, node + 1).map((tree) => this.#frameOf(tree));
    return { ...this.#root, history, frame: node + 1 };
  }

  /** The state after `next`, from the one before it. */
  #follow(state: WorldState, next: TreeNode): WorldState {
    const settled =
      settlingOf(this.#world, state) === undefined ? state : (settleStates(this.#world, [state])[0] as WorldState);
    return withFrame(settled, this.#frameOf(next), this.#settings(0).windowLength);
  }

  /** How a frame with these settings is drawn: with noise of their seed, or of the session's own. */
  #settings(frame: number, seed = this.seed): ReturnType<typeof settingsOf> {
    return settingsOf(this.#world, [{ seed, frame }], {});
  }

  /** A finished frame as tensors, of its numbers. */
  #frameOf(node: TreeNode): HistoryFrame {
    const { frame, action, settings } = node;
    return noGrad(() =>
      scope((): HistoryFrame => {
        const latent_BCHW = this.latentOf(node);
        const noisy_BCHW = noisedHistory(latent_BCHW, 0, this.#settings(frame, settings?.seed));
        // Nothing led to the first frame, which networks are told by zeros.
        const action_BA = actionTensor(this.#world, [networkAction(this.#world, frame, action)]);
        return { latent_BCHW, noisy_BCHW, ...(action_BA && { action_BA }) };
      }),
    );
  }
}

function networkAction(world: WorldModel, frame: number, action: readonly number[] | undefined): WorldAction {
  return frame === 0 ? new Float32Array(world.actionWidth) : (action ?? {});
}

/** A stored tensor on a device; it belongs to the scope. */
function tensorOf({ shape, dtype, bytes }: StoredTensor, device: Device): Tensor {
  return empty(shape, { dtype }).writeBytes(bytes).to(device);
}

const storedTensor = (x: Tensor): StoredTensor => ({ dtype: x.dtype, shape: x.shape, bytes: x.toBytes() });

const isContext = ({ settings }: TreeNode): boolean => settings === undefined;
