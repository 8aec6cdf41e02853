// DreamSim (arXiv:2306.09344): how differently people would see two pictures, from the features of several vision transformers.
// Axes: B pictures, H height, W width, C colours, S side, D features.
import path from "node:path";
import { invalid } from "@vid2world/formats";
import { cat, type Device, fromTypedArray, noGrad, scope, type Tensor } from "@vid2world/torch";
import { resizeLikePillow } from "../../data/pillow-resize.js";
import type { PictureSize } from "../../data/transforms.js";
import {
  type DreamSimBranch,
  type DreamSimForm,
  dreamSimForms,
  type DreamSimKind,
} from "../networks/dreamsim-branches.js";
import { callSize, oneByOne } from "../networks/feature-network.js";
import { adapterFiles, applyAdapter } from "../networks/low-rank-adapter.js";
import { type NetworkTensors, readNetworkTensors } from "../networks/network-weights.js";
import { transformerShapes, visionTransformer } from "../networks/vision-transformer.js";

/** A loaded DreamSim. Free it by `dispose`. */
export interface DreamSim extends Disposable {
  readonly name: string;
  /** Numbers of an embedding, D. */
  readonly width: number;
  /** Embeddings of byte pictures of any one size, B*H*W*3: -> [B D] of length 1 and mean 0. */
  embed(pictures_BHWC: Uint8Array, size: PictureSize): Tensor;
  /** 1 - cosine of the embeddings: 0 for equal pictures, at most 2. [B D], [B D] -> [B] */
  distance(a_BD: Tensor, b_BD: Tensor): Tensor;
  dispose(): void;
}

/** Where the files are. */
export interface DreamSimFiles {
  /** The unpacked archive `dreamsim_..._checkpoint.zip`. */
  readonly folder: string;
  /** DINO's ViT-B/16, `dino_vitbase16_pretrain.pth`; not needed by kinds without it. */
  readonly dino?: string;
}

/** Every file that a published DreamSim is read from, there or not. */
export function dreamSimFiles(kind: DreamSimKind, files: DreamSimFiles): string[] {
  const { branches, adapter } = dreamSimForms[kind];
  const { config, weights } = adapterFiles(path.join(files.folder, adapter));
  return [...branches.map((branch) => fileOf(branch, files)), config, weights];
}

/** Loads a published DreamSim. @throws FormatError, CheckpointMismatchError, or for a missing file what the system says. */
export function loadDreamSim(kind: DreamSimKind, files: DreamSimFiles, device: Device = "cpu"): Promise<DreamSim> {
  return loadDreamSimForm(`DreamSim (${kind})`, dreamSimForms[kind], files, device);
}

/** The same for any combination of branches; pictures are resized to the side that the first one takes. */
export async function loadDreamSimForm(
  name: string,
  { branches, adapter }: DreamSimForm,
  files: DreamSimFiles,
  device: Device = "cpu",
): Promise<DreamSim> {
  const tensors: NetworkTensors[] = [];
  for (const branch of branches) tensors.push(await readNetworkTensors(fileOf(branch, files), shapesOf(branch)));
  await applyAdapter(path.join(files.folder, adapter), tensors);
  const networks = branches.map((branch, i) => branchNetwork(branch, tensors[i] as NetworkTensors, device));

  const side = branches[0]?.form.imageSize ?? 0;
  const dispose = (): void => {
    for (const network of networks) network.dispose();
  };
  return {
    name,
    width: branches.reduce((sum, { form, projected }) => sum + (projected ?? form.width), 0),
    embed: (pictures_BHWC, size) =>
      noGrad(() =>
        scope(() => {
          const unit_BCHW = unitPictures(pictures_BHWC, size, side).to(device);
          const features_BD = oneByOne(
            unit_BCHW,
            (some) =>
              cat(
                networks.map((network) => network.run(some)),
                { dim: 1 },
              ),
            callSize(unit_BCHW),
          );
          const centred_BD = features_BD.sub(features_BD.mean([1], { keepdim: true }));
          return centred_BD.div(centred_BD.square().sum([1], { keepdim: true }).sqrt());
        }),
      ),
    distance: (a_BD, b_BD) => scope(() => cosine(a_BD, b_BD).neg().add(1)),
    dispose,
    [Symbol.dispose]: dispose,
  };
}

interface BranchNetwork {
  run(unit_BCHW: Tensor): Tensor;
  dispose(): void;
}

function branchNetwork(branch: DreamSimBranch, tensors: NetworkTensors, device: Device): BranchNetwork {
  const projection_DE = tensors.get("proj")?.clone().to(device);
  tensors.get("proj")?.dispose();
  tensors.delete("proj");
  const network = visionTransformer(branch.form, tensors, device);
  const [mean, std] = [branch.normalisation.mean, branch.normalisation.std].map((values) =>
    fromTypedArray(Float32Array.from(values), [1, 3, 1, 1]).to(device),
  ) as [Tensor, Tensor];
  return {
    run(unit_BCHW) {
      const token_BD = network.firstToken(unit_BCHW.sub(mean).div(std), branch.place);
      return projection_DE ? token_BD.matmul(projection_DE) : token_BD;
    },
    dispose() {
      network.dispose();
      for (const tensor of [mean, std, projection_DE]) tensor?.dispose();
    },
  };
}

function shapesOf({ form, projected }: DreamSimBranch): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>(transformerShapes(form));
  if (projected !== undefined) shapes.set("proj", [form.width, projected]);
  return shapes;
}

function fileOf({ file, projected }: DreamSimBranch, { folder, dino }: DreamSimFiles): string {
  return projected === undefined ? (dino ?? path.join(folder, file)) : path.join(folder, file);
}

/** Bytes B*H*W*3 -> [B 3 S S] in [0, 1], resized by Pillow's bicubic filter, as published. */
function unitPictures(pictures_BHWC: Uint8Array, { height, width }: PictureSize, side: number): Tensor {
  const bytes = height * width * 3;
  const count = pictures_BHWC.length / bytes;
  if (!Number.isInteger(count) || count < 1)
    throw invalid(
      "pictures_BHWC",
      `whole ${height} x ${width} RGB pictures, ${bytes} bytes each`,
      `${pictures_BHWC.length} bytes`,
    );
  const square_BHWC = new Uint8Array(count * side * side * 3);
  for (let b = 0; b < count; b++) {
    const picture = { data_HWC: pictures_BHWC.subarray(b * bytes, (b + 1) * bytes), height, width };
    square_BHWC.set(resizeLikePillow(picture, { height: side, width: side }, "bicubic").data_HWC, b * side * side * 3);
  }
  return fromTypedArray(square_BHWC, [count, side, side, 3]).permute([0, 3, 1, 2]).to("float32").div(255);
}

function cosine(a_BD: Tensor, b_BD: Tensor): Tensor {
  const lengths = a_BD
    .square()
    .sum([1])
    .mul(b_BD.square().sum([1]))
    .sqrt();
  return a_BD
    .mul(b_BD)
    .sum([1])
    .div(lengths.clamp({ min: 1e-8 }));
}
