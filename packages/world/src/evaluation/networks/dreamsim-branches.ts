// DreamSim's branches: which transformer each is, where its file lies in the published archive, how its pictures are normalised, and
// which of its features counts.
import type { TokenPlace, TransformerForm } from "./vision-transformer.js";

/** Mean and deviation of pictures in [0, 1], per colour. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** One transformer of a DreamSim. */
export interface DreamSimBranch {
  readonly form: TransformerForm;
  readonly normalisation: Normalisation;
  readonly place: TokenPlace;
  /** Its file: in DreamSim's folder, or DINO's own published file. */
  readonly file: string;
  /** Features after the projection that CLIP's files hold as `proj`; absent: the token itself is taken. */
  readonly projected?: number;
}

/** A published DreamSim: its branches, and the folder of what was trained on top of them. */
export interface DreamSimForm {
  readonly branches: readonly DreamSimBranch[];
  readonly adapter: string;
}

const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const CLIP: Normalisation = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

const base = { width: 768, layers: 12, heads: 12, imageSize: 224 };

const dino: DreamSimBranch = {
  form: { ...base, patch: 16, epsilon: 1e-6, inputNorm: false, gelu: "exact" },
  normalisation: IMAGENET,
  place: "lastBlock",
  file: "dino_vitbase16_pretrain.pth", // published by DINO's authors, not in DreamSim's archive
};

function clip(patch: number, gelu: TransformerForm["gelu"], file: string): DreamSimBranch {
  return {
    form: { ...base, patch, epsilon: 1e-5, inputNorm: true, gelu },
    ...{ normalisation: CLIP, place: "normalised", file, projected: 512 },
  };
}

/** The published kinds that are built from these transformers; `ensemble` is the default of the published evaluation. */
export const dreamSimForms = {
  ensemble: {
    branches: [
      dino,
      clip(16, "quick", "clip_vitb16_pretrain.pth.tar"),
      clip(16, "exact", "open_clip_vitb16_pretrain.pth.tar"),
    ],
    adapter: "ensemble_lora",
  },
  dino_vitb16: { branches: [dino], adapter: "dino_vitb16_single_lora" },
  clip_vitb32: { branches: [clip(32, "quick", "clip_vitb32_pretrain.pth.tar")], adapter: "clip_vitb32_single_lora" },
  open_clip_vitb32: {
    branches: [clip(32, "exact", "open_clip_vitb32_pretrain.pth.tar")],
    adapter: "open_clip_vitb32_single_lora",
  },
} as const satisfies Record<string, DreamSimForm>;

/** A published kind of DreamSim. */
export type DreamSimKind = keyof typeof dreamSimForms;
