// Convolutional feature networks as lists of layers: what the metrics' networks are made of, and which tensors each layer needs.
// Axes: C channels.

/** A convolution, with a bias or followed by batch normalisation, and a rectifier after either. */
export interface ConvLayer {
  readonly kind: "conv";
  /** Name in the original file. */
  readonly key: string;
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: readonly [number, number];
  /** `bias`: keys `KEY.weight`, `KEY.bias`. `batch`: `KEY.conv.weight` and four vectors under `KEY.bn`. */
  readonly after: "bias" | "batch";
}

/** Pooling of square windows. An average counts only pixels of the picture, not of the padding. */
export interface PoolLayer {
  readonly kind: "maxPool" | "averagePool";
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
}

/** Several paths over the same input, their results joined along the channels. */
export interface BranchLayer {
  readonly kind: "branches";
  readonly branches: readonly (readonly Layer[])[];
}

/** A place whose features are wanted. */
export interface TapLayer {
  readonly kind: "tap";
}

/** One layer of a feature network. */
export type Layer = ConvLayer | PoolLayer | BranchLayer | TapLayer;

/** A convolution's measures, where they are not those of a 1x1 convolution with stride 1. */
export type ConvShape = Partial<Pick<ConvLayer, "kernel" | "stride" | "padding">>;

/** Makes the convolutions of one network: all are followed by the same. */
export const convolutions =
  (after: ConvLayer["after"]) =>
  (key: string, outputs: number, { kernel = [1, 1], stride = 1, padding = [0, 0] }: ConvShape = {}): ConvLayer => ({
    ...{ kind: "conv", key, outputs, kernel, stride, padding, after },
  });

/** Max pooling of 3x3 windows, every second, as all these networks have; `change` says what is other. */
export const maxPool = (change: Partial<Omit<PoolLayer, "kind">> = {}): PoolLayer => ({
  ...{ kind: "maxPool", size: 3, stride: 2, padding: 0 },
  ...change,
});

/** Paths over the same input, joined along the channels. */
export const branches = (...paths: readonly (readonly Layer[])[]): BranchLayer => ({
  kind: "branches",
  branches: paths,
});

/** Marks the features at this place as wanted. */
export const tap: TapLayer = { kind: "tap" };

/** The tensors that layers need, by their original names, and the channels that come out. */
export interface LayerTensors {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly outputs: number;
}

/** The names and shapes of all tensors of `layers` over `inputs` channels. */
export function layerTensors(layers: readonly Layer[], inputs: number): LayerTensors {
  const shapes = new Map<string, readonly number[]>();
  const outputs = layers.reduce((channels, layer) => addTensors(layer, channels, shapes), inputs);
  return { shapes, outputs };
}

/** The four vectors of a batch normalisation in evaluation mode. */
export const batchNormKeys = ["weight", "bias", "running_mean", "running_var"] as const;

function addTensors(layer: Layer, inputs: number, shapes: Map<string, readonly number[]>): number {
  if (layer.kind === "branches") {
    const outputs = layer.branches.map((path) =>
      path.reduce((channels, each) => addTensors(each, channels, shapes), inputs),
    );
    return outputs.reduce((a, b) => a + b, 0);
  }
  if (layer.kind !== "conv") return inputs;
  const { key, outputs, kernel, after } = layer;
  const weight = [outputs, inputs, ...kernel];
  if (after === "bias") shapes.set(`${key}.weight`, weight).set(`${key}.bias`, [outputs]);
  else {
    shapes.set(`${key}.conv.weight`, weight);
    for (const name of batchNormKeys) shapes.set(`${key}.bn.${name}`, [outputs]);
  }
  return outputs;
}
