// How one evaluation of the network is joined to those before and after it: what every time-mixing layer keeps of the past.
// Axes: B batch, R branches evaluated against one past.
import { keep, type Tensor } from "@vid2world/torch";

/** What one layer keeps of the frames it has seen. The batch is every tensor's first axis. */
export type LayerMemory = readonly Tensor[];

/** What all layers keep, by layer. */
export type LayerMemories = ReadonlyMap<object, LayerMemory>;

/** What an evaluation starts from, and whether it leaves something for the next. */
export interface TimePassOptions {
  /** Absent: the evaluation begins a history. */
  readonly past?: LayerMemories;
  /** Whether the layers keep what they see. */
  readonly record: boolean;
  /** Tensors made from the weights once, by layer; they live as long as whoever evaluates. Absent: the weights change, nothing is kept. */
  readonly prepared?: Map<object, LayerMemory>;
}

/** The record that layers read their past from and write their memory to, each under itself as the key. */
export class TimePass {
  readonly #options: TimePassOptions;
  readonly #recorded = new Map<object, LayerMemory>();

  constructor(options: TimePassOptions) {
    this.#options = options;
  }

  /** What `layer` kept of the frames before; undefined where this evaluation begins a history. */
  recall(layer: object): LayerMemory | undefined {
    return this.#options.past?.get(layer);
  }

  /**
   * Keeps what `make` returns, which may be made inside of any scope, for the frames to come. In row-major order, however it was computed:
   * what comes of a memory must not depend on whether it was split from a batch or read from a file.
   */
  keep(layer: object, make: () => LayerMemory): void {
    if (!this.#options.record) return;
    const memory = make().map((x) => keep(x.contiguous()));
    this.#recorded.set(layer, memory);
  }

  /** What `make` derives from the weights of `layer`, made once where they stay as they are. */
  prepare(layer: object, make: () => LayerMemory): LayerMemory {
    const { prepared } = this.#options;
    if (prepared === undefined) return make();
    let made = prepared.get(layer);
    if (made === undefined) prepared.set(layer, (made = make().map(keep)));
    return made;
  }

  /** What was kept. */
  get recorded(): LayerMemories {
    return this.#recorded;
  }
}

/**
 * A past `[B ...]` beside frames of `R * B` items, branch by branch: `[R B ...]` as a view. Branches (with and without guidance) share
 * their past, so it is stored once.
 */
export const branchesOf = (x: Tensor, batch: number): Tensor => x.unflatten(0, [x.size(0) / batch, batch]);
