// InceptionV3 (arXiv:1512.00567) as FID uses it: the 2015 weights of the original authors, whose average pools leave the padding out of the
// count and whose last block pools by the maximum. Keys are those of the file `pt_inception-2015-12-05-6726825d.pth`.
import {
  branches,
  convolutions,
  type ConvLayer,
  type ConvShape,
  type Layer,
  maxPool,
  type PoolLayer,
} from "./layers.js";

const conv = convolutions("batch");
const averagePool: PoolLayer = { kind: "averagePool", size: 3, stride: 1, padding: 1 };
const [threeByThree, halved]: ConvShape[] = [
  { kernel: [3, 3], padding: [1, 1] },
  { kernel: [3, 3], stride: 2 },
];
const tall = (size: number): ConvShape => ({ kernel: [size, 1], padding: [(size - 1) / 2, 0] });
const wide = (size: number): ConvShape => ({ kernel: [1, size], padding: [0, (size - 1) / 2] });

/** Makes a block's convolutions: `part("1x1", 64)` has the key `BLOCK.branch1x1`. */
const partsOf =
  (block: string) =>
  (name: string, outputs: number, shape?: ConvShape): ConvLayer =>
    conv(`${block}.branch${name}`, outputs, shape);

function blockA(block: string, poolOutputs: number): Layer {
  const part = partsOf(block);
  return branches(
    [part("1x1", 64)],
    [part("5x5_1", 48), part("5x5_2", 64, { kernel: [5, 5], padding: [2, 2] })],
    [part("3x3dbl_1", 64), part("3x3dbl_2", 96, threeByThree), part("3x3dbl_3", 96, threeByThree)],
    [averagePool, part("_pool", poolOutputs)],
  );
}

function reductionB(block: string): Layer {
  const part = partsOf(block);
  return branches(
    [part("3x3", 384, halved)],
    [part("3x3dbl_1", 64), part("3x3dbl_2", 96, threeByThree), part("3x3dbl_3", 96, halved)],
    [maxPool()],
  );
}

function blockC(block: string, inner: number): Layer {
  const part = partsOf(block);
  return branches(
    [part("1x1", 192)],
    [part("7x7_1", inner), part("7x7_2", inner, wide(7)), part("7x7_3", 192, tall(7))],
    [
      part("7x7dbl_1", inner),
      part("7x7dbl_2", inner, tall(7)),
      part("7x7dbl_3", inner, wide(7)),
      part("7x7dbl_4", inner, tall(7)),
      part("7x7dbl_5", 192, wide(7)),
    ],
    [averagePool, part("_pool", 192)],
  );
}

function reductionD(block: string): Layer {
  const part = partsOf(block);
  return branches(
    [part("3x3_1", 192), part("3x3_2", 320, halved)],
    [part("7x7x3_1", 192), part("7x7x3_2", 192, wide(7)), part("7x7x3_3", 192, tall(7)), part("7x7x3_4", 192, halved)],
    [maxPool()],
  );
}

function blockE(block: string, pool: PoolLayer): Layer {
  const part = partsOf(block);
  return branches(
    [part("1x1", 320)],
    [part("3x3_1", 384), branches([part("3x3_2a", 384, wide(3))], [part("3x3_2b", 384, tall(3))])],
    [
      part("3x3dbl_1", 448),
      part("3x3dbl_2", 384, threeByThree),
      branches([part("3x3dbl_3a", 384, wide(3))], [part("3x3dbl_3b", 384, tall(3))]),
    ],
    [pool, part("_pool", 192)],
  );
}

/** The network up to its last block: [B 3 299 299] -> [B 2048 8 8]. */
export const inceptionLayers: readonly Layer[] = [
  conv("Conv2d_1a_3x3", 32, halved),
  conv("Conv2d_2a_3x3", 32, { kernel: [3, 3] }),
  conv("Conv2d_2b_3x3", 64, threeByThree),
  maxPool(),
  conv("Conv2d_3b_1x1", 80),
  conv("Conv2d_4a_3x3", 192, { kernel: [3, 3] }),
  maxPool(),
  blockA("Mixed_5b", 32),
  blockA("Mixed_5c", 64),
  blockA("Mixed_5d", 64),
  reductionB("Mixed_6a"),
  blockC("Mixed_6b", 128),
  blockC("Mixed_6c", 160),
  blockC("Mixed_6d", 160),
  blockC("Mixed_6e", 192),
  reductionD("Mixed_7a"),
  blockE("Mixed_7b", averagePool),
  blockE("Mixed_7c", maxPool({ stride: 1, padding: 1 })),
];
