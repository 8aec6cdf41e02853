// Every file of foreign weights that the method needs: where it comes from, how large it is, what its checksum is, where it goes.
// Nothing here is guessed: a size or checksum that no source states is absent, and the hub is asked for it when the file is pulled.

/** A file in a repository of the Hugging Face hub. */
export interface HubOrigin {
  readonly kind: "hub";
  /** `owner/name`. */
  readonly repository: string;
  /** Path in the repository; absent where no source states it: then it is the only file that ends in `ending`. */
  readonly path?: string;
  readonly ending: string;
  readonly revision: string;
}

/** A file at plain addresses; the next is tried when one fails. */
export interface UrlOrigin {
  readonly kind: "url";
  readonly urls: readonly [string, ...string[]];
}

/** What a file is for; `pull` takes these names too. */
export type WeightGroup = "base" | "worlds" | "metrics" | "text";

/** One file of weights. */
export interface WeightFile {
  /** What the command line and `weights:NAME` in a configuration call it. */
  readonly name: string;
  readonly group: WeightGroup;
  /** What it is, in one line. */
  readonly title: string;
  /** Place below the weights folder. */
  readonly destination: string;
  readonly origin: HubOrigin | UrlOrigin;
  /** A zip archive whose files are read: it is unpacked in its folder. */
  readonly unpack?: boolean;
  /** Bytes. */
  readonly size?: number;
  /** Hexadecimal. */
  readonly sha256?: string;
  /** Where size and checksum are from, or that they are not known. */
  readonly evidence: string;
  /** Licence of the weights as their authors state it, "not stated" where we found no statement. */
  readonly licence: string;
}

const ASK_HUB = "not stated anywhere we could read; the hub's own are used when it is pulled";

function worldModel(name: string, title: string, path?: string): WeightFile {
  const repository = `thuml/Vid2World-${name}`;
  return {
    name: `vid2world-${name.toLowerCase()}`,
    group: "worlds",
    title,
    destination: `vid2world/Vid2World-${name}/model.ckpt`,
    origin: { kind: "hub", repository, ending: ".ckpt", revision: "main", ...(path !== undefined && { path }) },
    evidence: ASK_HUB,
    licence: `code MIT; weights: see huggingface.co/${repository}`,
  };
}

/** The manifest, in the order in which `weights list` shows it. */
export const WEIGHTS: readonly WeightFile[] = [
  {
    name: "dynamicrafter-512",
    group: "base",
    title: "base video model 320x512: U-Net, autoencoder, OpenCLIP ViT-H/14 text and image towers, resampler",
    destination: "dynamicrafter_512_v1/model.ckpt",
    origin: {
      kind: "hub",
      repository: "Doubiiu/DynamiCrafter_512",
      path: "model.ckpt",
      ending: ".ckpt",
      revision: "main",
    },
    evidence: ASK_HUB,
    licence: "Apache-2.0",
  },
  worldModel("RT1", "RT-1, extrapolative transfer, action guidance, 100k steps"),
  worldModel("CSGO", "CS:GO, extrapolative transfer, action guidance, 100k steps", "model_checkpoint_100000.ckpt"),
  worldModel("RECON", "RECON, extrapolative transfer, action guidance, 100k steps"),
  worldModel("RT1-NAG", "RT-1, extrapolative transfer, no action guidance, 30k steps"),
  worldModel("RT1-Masked-NAG", "RT-1, masked transfer, no action guidance, 30k steps"),
  worldModel("RT1-30k", "RT-1, extrapolative transfer, action guidance, 30k steps"),
  worldModel("RT1-Masked", "RT-1, masked transfer, action guidance, 30k steps"),
  worldModel("RT1-Shift", "RT-1, shift transfer, action guidance, 30k steps"),
  {
    name: "clip-vocabulary",
    group: "text",
    title: "merges of CLIP's byte pair encoding, for captions",
    destination: "clip/bpe_simple_vocab_16e6.txt.gz",
    origin: {
      kind: "url",
      urls: ["https://raw.githubusercontent.com/openai/CLIP/main/clip/bpe_simple_vocab_16e6.txt.gz"],
    },
    size: 1_356_917,
    sha256: "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    evidence: "computed from the file in the Python package open_clip_torch 2.22.0",
    licence: "MIT",
  },
  {
    name: "i3d",
    group: "metrics",
    title: "I3D on Kinetics-400 as TorchScript, for FVD",
    destination: "i3d/i3d_torchscript.pt",
    origin: {
      kind: "url",
      urls: [
        "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
        "https://www.dropbox.com/scl/fi/c5nfs6c422nlpj880jbmh/i3d_torchscript.pt?rlkey=x5xcjsrz0818i4qxyoglp5bb8&dl=1",
      ],
    },
    size: 51_235_320,
    sha256: "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
    evidence: "stated alike by several public projects that use the StyleGAN-V file",
    licence: "not stated",
  },
  {
    name: "inception-fid",
    group: "metrics",
    title: "InceptionV3 with the weights of the original FID",
    destination: "inception/pt_inception-2015-12-05-6726825d.pth",
    origin: {
      kind: "url",
      urls: [
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
      ],
    },
    size: 95_628_359,
    sha256: "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    evidence: "stated by public projects; the name carries the checksum's beginning",
    licence: "Apache-2.0",
  },
  {
    name: "vgg16",
    group: "metrics",
    title: "VGG16 on ImageNet, trunk of LPIPS",
    destination: "torchvision/vgg16-397923af.pth",
    origin: { kind: "url", urls: ["https://download.pytorch.org/models/vgg16-397923af.pth"] },
    size: 553_433_881,
    sha256: "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    evidence: "stated by public projects; the name carries the checksum's beginning",
    licence: "BSD-3-Clause",
  },
  {
    name: "alexnet",
    group: "metrics",
    title: "AlexNet on ImageNet, trunk of LPIPS for RECON",
    destination: "torchvision/alexnet-owt-7be5be79.pth",
    origin: { kind: "url", urls: ["https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"] },
    size: 244_408_911,
    sha256: "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    evidence: "stated by public projects; the name carries the checksum's beginning",
    licence: "BSD-3-Clause",
  },
  lpipsHead("vgg", 7_289, "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
  lpipsHead("alex", 6_009, "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
  {
    name: "dreamsim",
    group: "metrics",
    title: "DreamSim ensemble: DINO, CLIP and OpenCLIP ViT-B/16 with their adapters",
    destination: "dreamsim/dreamsim_ensemble_checkpoint.zip",
    unpack: true,
    origin: {
      kind: "url",
      urls: [
        "https://github.com/ssundaram21/dreamsim/releases/download/v0.2.0-checkpoints/dreamsim_ensemble_checkpoint.zip",
      ],
    },
    size: 1_261_181_618,
    evidence: "size stated by a public download script; no checksum found",
    licence: "MIT",
  },
  {
    name: "dino-vitb16",
    group: "metrics",
    title: "DINO ViT-B/16, the branch of DreamSim that its archive does not hold",
    destination: "dino/dino_vitbase16_pretrain.pth",
    origin: {
      kind: "url",
      urls: ["https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth"],
    },
    evidence: "neither size nor checksum stated anywhere we could read",
    licence: "Apache-2.0",
  },
];

function lpipsHead(network: "vgg" | "alex", size: number, sha256: string): WeightFile {
  return {
    name: `lpips-${network}`,
    group: "metrics",
    title: `LPIPS 0.1 weights of ${network === "vgg" ? "VGG16" : "AlexNet"}'s layers`,
    destination: `lpips/v0.1/${network}.pth`,
    origin: {
      kind: "url",
      urls: [
        `https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/${network}.pth`,
      ],
    },
    size,
    sha256,
    evidence: "computed from the file in the Python package lpips 0.1.4",
    licence: "BSD-2-Clause",
  };
}

/** The address of the page where a file's terms stand. */
export function originPage({ origin }: WeightFile): string {
  return origin.kind === "hub" ? `https://huggingface.co/${origin.repository}` : origin.urls[0];
}
