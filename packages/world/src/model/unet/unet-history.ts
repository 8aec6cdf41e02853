// The past of one or more rollouts as the network sees it: an immutable value. To fork a world is to share one.
import { TorchError, cat, keep, scope, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import type { LayerMemories, LayerMemory } from "./time-pass.js";

const BYTES = { float64: 8, float32: 4, float16: 2, bfloat16: 2 } as Readonly<Record<string, number>>;

/**
 * What the time-mixing layers keep of the frames so far, at most `temporalLength - 1` of them: keys and values of every attention over
 * time, two frames' worth of inputs of every convolution over time, the moments of every normalisation over time. Made by `UNetStream`;
 * nothing ever changes one, so any number of owners may use it. The last one disposes of it.
 */
export class UNetHistory {
  readonly layers: LayerMemories;
  /** Rollouts that are evaluated side by side. */
  readonly batch: number;
  /** Frames that are remembered. */
  readonly frames: number;
  #disposed = false;

  /** @internal */
  constructor(layers: LayerMemories, batch: number, frames: number) {
    this.layers = layers;
    this.batch = batch;
    this.frames = frames;
  }

  /** All tensors, in the order in which the layers run: what a captured graph or a process elsewhere has to be given. */
  get tensors(): readonly Tensor[] {
    return [...this.layers.values()].flat();
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.tensors.reduce((total, { numel, dtype }) => total + numel * (BYTES[dtype] ?? 0), 0);
  }

  /** Frees the tensors. */
  dispose(): void {
    this.#disposed = true;
    for (const tensor of this.tensors) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Throws where the history was disposed of, or belongs to another network (`layers` are this one's). */
  check(layers: ReadonlySet<object>): void {
    if (this.#disposed)
      throw new TorchError("history: it was disposed of; keep it as long as a world continues from it");
    for (const layer of this.layers.keys())
      if (!layers.has(layer))
        throw invalid("history", "a history that this network made", "one of another network: begin a new one");
  }
}

/** One history for rollouts that go on side by side, of histories with equally many frames. */
export function joinHistories(histories: readonly UNetHistory[]): UNetHistory {
  const first = histories[0];
  if (first === undefined) throw invalid("histories", "at least one", 0);
  for (const { frames } of histories)
    if (frames !== first.frames)
      throw invalid("histories", `histories of equally many frames (the first has ${first.frames})`, frames);
  const batch = histories.reduce((sum, history) => sum + history.batch, 0);
  const joined = ([layer, memory]: readonly [object, LayerMemory]): [object, LayerMemory] => [
    layer,
    memory.map((_, i) => keep(cat(histories.map((history) => memoryOf(history, layer)[i] as Tensor)))),
  ];
  return new UNetHistory(new Map([...first.layers].map(joined)), batch, first.frames);
}

/** The histories of `sizes` rollouts each, in memory of their own; the sizes add up to the batch. */
export function splitHistory(history: UNetHistory, sizes: readonly number[]): UNetHistory[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== history.batch || sizes.some((size) => !Number.isInteger(size) || size < 1))
    throw invalid("sizes", `whole numbers from 1 that add up to the batch of ${history.batch}`, sizes);
  let start = 0;
  return sizes.map((size) => {
    const from = start;
    start += size;
    const part = (x: Tensor): Tensor =>
      keep(scope(() => x.narrow(0, from, size).clone({ memoryFormat: "contiguous" })));
    const layers = [...history.layers].map(([layer, memory]) => [layer, memory.map(part)] as const);
    return new UNetHistory(new Map(layers), size, history.frames);
  });
}

/** A history of the layers of `model`, of tensors that one like it gave (`tensors`); they become the history's. */
export function remakeHistory(
  model: UNetHistory,
  tensors: readonly Tensor[],
  batch: number,
  frames: number,
): UNetHistory {
  const wanted = model.tensors;
  if (tensors.length !== wanted.length) throw invalid("tensors", `${wanted.length} tensors`, tensors.length);
  for (const [i, x] of tensors.entries()) {
    const like = wanted[i] as Tensor;
    if (x.dtype !== like.dtype || x.rank !== like.rank)
      throw invalid(`tensors[${i}]`, `${like.dtype} of ${like.rank} axes`, `${x.dtype} of ${x.rank}`);
  }
  let next = 0;
  const layers = [...model.layers].map(([layer, memory]) => {
    const own = tensors.slice(next, (next += memory.length)).map(keep);
    return [layer, own] as const;
  });
  return new UNetHistory(new Map(layers), batch, frames);
}

function memoryOf(history: UNetHistory, layer: object): LayerMemory {
  const memory = history.layers.get(layer);
  if (memory === undefined) throw invalid("histories", "histories of one network", "one of another network");
  return memory;
}
