// Mean and covariance of feature vectors that arrive a few at a time: what a Frechet distance needs, in memory that does not grow with
// the number of clips, mergeable between processes, and kept in a file as reference statistics.
// Axes: N vectors, D features.
import { FormatError, invalid } from "@vid2world/formats";
import {
  cat,
  keep,
  loadSafetensors,
  noGrad,
  saveSafetensors,
  scope,
  ShapeError,
  tensor,
  type Tensor,
  zeros,
} from "@vid2world/torch";

/** Vectors that are taken together: sums are formed over blocks of this many, so that they do not depend on how vectors arrive. */
const BLOCK = 512;

/** Statistics of N vectors. Free them by `dispose`. */
export class FeatureStatistics implements Disposable {
  readonly width: number;
  #count = 0;
  /** float64 [D], and [D D]: the sum of outer products of the differences from the mean. */
  #mean: Tensor;
  #scatter: Tensor;
  /** Vectors that wait until a block is full. */
  #waiting: Tensor[] = [];
  #waitingCount = 0;

  constructor(width: number) {
    if (!Number.isInteger(width) || width < 1) throw invalid("width", "a whole number >= 1", width);
    this.width = width;
    this.#mean = keep(zeros([width], { dtype: "float64" }));
    this.#scatter = keep(zeros([width, width], { dtype: "float64" }));
  }

  /** Vectors so far. */
  get count(): number {
    return this.#count + this.#waitingCount;
  }

  /** Adds vectors [N D]. The result does not depend, to the last bit, on how many come at once. */
  add(features_ND: Tensor): void {
    const [, width] = features_ND.dims("N D");
    if (width !== this.width)
      throw new ShapeError(
        `features are [${features_ND.shape.join(", ")}]; these statistics are of ${this.width} features`,
      );
    let rest = noGrad(() => scope(() => keep(features_ND.detach().to("cpu").to("float64").clone())));
    while (this.#waitingCount + rest.size(0) >= BLOCK) {
      const taken = BLOCK - this.#waitingCount;
      this.#waiting.push(scope(() => keep(rest.narrow(0, 0, taken).clone())));
      const left = scope(() => keep(rest.narrow(0, taken, rest.size(0) - taken).clone()));
      rest.dispose();
      rest = left;
      this.#waitingCount = BLOCK;
      this.#fold();
    }
    if (rest.size(0) > 0) {
      this.#waiting.push(rest);
      this.#waitingCount += rest.size(0);
    } else rest.dispose();
  }

  /** Adds everything that another has seen; the other stays as it is. */
  merge(other: FeatureStatistics): void {
    if (other.width !== this.width) throw invalid("other", `statistics of ${this.width} features`, other.width);
    this.#fold();
    other.#fold();
    this.#join(other.#count, other.#mean, other.#scatter);
  }

  /** float64 [D]. The statistics own it. */
  get mean_D(): Tensor {
    this.#fold();
    return this.#mean;
  }

  /** float64 [D D], divided by N - 1; the caller owns it. */
  covariance_DD(): Tensor {
    this.#fold();
    if (this.#count < 2) throw invalid("features", "at least 2 vectors", this.#count);
    return this.#scatter.div(this.#count - 1);
  }

  /** Fewer vectors than features: the covariance has no full rank, and distances are biased upwards. */
  get isRankDeficient(): boolean {
    return this.count <= this.width;
  }

  /** Writes the statistics as reference for later comparisons; `name` says what made the features. */
  async save(file: string, name: string): Promise<void> {
    this.#fold();
    using count = tensor([this.#count], { dtype: "float64" });
    const tensors = new Map([
      ["count", count],
      ["mean", this.#mean],
      ["scatter", this.#scatter],
    ] as const);
    await saveSafetensors(file, tensors, { metadata: { features: name } });
  }

  /** Reads what `save` wrote. @throws FormatError */
  static async load(file: string): Promise<FeatureStatistics> {
    const tensors = await loadSafetensors(file);
    try {
      const [count, mean, scatter] = ["count", "mean", "scatter"].map((key) => tensors.get(key));
      const width = mean?.shape[0] ?? 0;
      if (!count || !mean || !scatter || String(scatter.shape) !== `${width},${width}` || count.numel !== 1)
        throw new FormatError(file, "does not hold feature statistics (count, mean [D], scatter [D, D])");
      const statistics = new FeatureStatistics(width);
      statistics.#join(Number(count.item()), mean, scatter);
      return statistics;
    } finally {
      for (const each of tensors.values()) each.dispose();
    }
  }

  dispose(): void {
    for (const each of [this.#mean, this.#scatter, ...this.#waiting]) each.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #fold(): void {
    if (this.#waitingCount === 0) return;
    const count = this.#waitingCount;
    const [mean, scatter] = noGrad(() =>
      scope(() => {
        const block_ND = cat(this.#waiting);
        const mean_D = block_ND.mean([0]);
        const away_ND = block_ND.sub(mean_D);
        return [keep(mean_D), keep(away_ND.transpose(0, 1).matmul(away_ND))] as const;
      }),
    );
    for (const each of this.#waiting) each.dispose();
    this.#waiting = [];
    this.#waitingCount = 0;
    this.#join(count, mean, scatter);
    mean.dispose();
    scatter.dispose();
  }

  /** Statistics of two sets from those of each (Chan, Golub, LeVeque 1979). */
  #join(count: number, mean_D: Tensor, scatter_DD: Tensor): void {
    const total = this.#count + count;
    if (count === 0) return;
    noGrad(() =>
      scope(() => {
        const away_D = mean_D.sub(this.#mean);
        const between_DD = away_D
          .unsqueeze(1)
          .mul(away_D.unsqueeze(0))
          .mul((this.#count * count) / total);
        this.#scatter.add_(scatter_DD).add_(between_DD);
        this.#mean.add_(away_D, { alpha: count / total });
      }),
    );
    this.#count = total;
  }
}
