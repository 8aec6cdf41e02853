// Vision transformers (arXiv:2010.11929) in the key layout of DINO, which DreamSim keeps CLIP's towers in too.
// Axes: B pictures, C colours, H height, W width, N tokens (1 + patches), D width of a token, P patch.
import {
  cat,
  conv2d,
  type Device,
  layerNorm,
  linear,
  rearrange,
  scaledDotProductAttention,
  type Tensor,
} from "@vid2world/torch";
import type { NetworkTensors } from "./network-weights.js";

/** How one transformer differs from another. */
export interface TransformerForm {
  readonly patch: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Pixels of a side. */
  readonly imageSize: number;
  /** Added to the variance in layer normalisation. */
  readonly epsilon: number;
  /** CLIP's towers normalise the tokens before the first block (kept under `pos_drop`). */
  readonly inputNorm: boolean;
  /** `quick`: x sigmoid(1.702 x), as OpenAI's CLIP. */
  readonly gelu: "exact" | "quick";
}

/** The two places that features are taken from: the first token as it leaves the last block, or normalised after it. */
export type TokenPlace = "lastBlock" | "normalised";

/** A frozen transformer. */
export interface VisionTransformer extends Disposable {
  /** The first token of normalised pictures: [B 3 S S] -> [B D]. Call it in a `scope`. */
  firstToken(pictures_BCHW: Tensor, place: TokenPlace): Tensor;
  dispose(): void;
}

const MLP_RATIO = 4;

/** The tensors of a transformer by DINO's names. */
export function transformerShapes({
  patch,
  width,
  layers,
  imageSize,
  inputNorm,
}: TransformerForm): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const vectors = (name: string, size: number): void =>
    void shapes.set(`${name}.weight`, [size]).set(`${name}.bias`, [size]);
  const matrix = (name: string, from: number, to: number): void =>
    void shapes.set(`${name}.weight`, [to, from]).set(`${name}.bias`, [to]);
  shapes.set("cls_token", [1, 1, width]);
  shapes.set("pos_embed", [1, 1 + (imageSize / patch) ** 2, width]);
  shapes.set("patch_embed.proj.weight", [width, 3, patch, patch]).set("patch_embed.proj.bias", [width]);
  if (inputNorm) vectors("pos_drop", width);
  for (let i = 0; i < layers; i++) {
    vectors(`blocks.${i}.norm1`, width);
    matrix(`blocks.${i}.attn.qkv`, width, 3 * width);
    matrix(`blocks.${i}.attn.proj`, width, width);
    vectors(`blocks.${i}.norm2`, width);
    matrix(`blocks.${i}.mlp.fc1`, width, MLP_RATIO * width);
    matrix(`blocks.${i}.mlp.fc2`, MLP_RATIO * width, width);
  }
  vectors("norm", width);
  return shapes;
}

/** Builds the transformer on `tensors`, which it takes over. */
export function visionTransformer(
  form: TransformerForm,
  tensors: NetworkTensors,
  device: Device = "cpu",
): VisionTransformer {
  for (const [key, tensor] of tensors) {
    const placed = tensor.to(device);
    if (placed !== tensor) tensor.dispose();
    tensors.set(key, placed);
  }
  const get = (key: string): Tensor => tensors.get(key) as Tensor;
  const norm = (x: Tensor, key: string): Tensor =>
    layerNorm(x, [form.width], { weight: get(`${key}.weight`), bias: get(`${key}.bias`), eps: form.epsilon });
  const project = (x: Tensor, key: string): Tensor => linear(x, get(`${key}.weight`), { bias: get(`${key}.bias`) });
  const activate = (x: Tensor): Tensor => (form.gelu === "exact" ? x.gelu() : x.mul(x.mul(1.702).sigmoid()));

  const attend = (x_BND: Tensor, key: string): Tensor => {
    const [query, keys, values] = project(x_BND, `${key}.qkv`)
      .chunk(3, { dim: -1 })
      .map((part) => rearrange(part, "b n (h d) -> b h n d", { h: form.heads })) as [Tensor, Tensor, Tensor];
    const mixed_BHND = scaledDotProductAttention(query, keys, values);
    return project(rearrange(mixed_BHND, "b h n d -> b n (h d)"), `${key}.proj`);
  };
  const block = (x_BND: Tensor, index: number): Tensor => {
    const key = `blocks.${index}`;
    const attended = x_BND.add(attend(norm(x_BND, `${key}.norm1`), `${key}.attn`));
    const wide = activate(project(norm(attended, `${key}.norm2`), `${key}.mlp.fc1`));
    return attended.add(project(wide, `${key}.mlp.fc2`));
  };
  const dispose = (): void => {
    for (const tensor of tensors.values()) tensor.dispose();
  };
  return {
    firstToken(pictures_BCHW, place) {
      const patches_BDHW = conv2d(pictures_BCHW, get("patch_embed.proj.weight"), {
        bias: get("patch_embed.proj.bias"),
        stride: form.patch,
      });
      const patches_BND = patches_BDHW.flatten({ startDim: 2 }).transpose(1, 2);
      const first = get("cls_token").expand([pictures_BCHW.size(0), 1, form.width]);
      const placed_BND = cat([first, patches_BND], { dim: 1 }).add(get("pos_embed"));
      let x_BND = form.inputNorm ? norm(placed_BND, "pos_drop") : placed_BND;
      for (let i = 0; i < form.layers; i++) x_BND = block(x_BND, i);
      const last_BND = place === "lastBlock" ? x_BND : norm(x_BND, "norm");
      return last_BND.select(1, 0);
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
