// The data sets of the published code: class, folder, pictures, held-out episodes.
import type { ConfigValue } from "../document.js";
import { classOf, fixed, idle, keep, type Lookup, type Rule, type Settings } from "./rule.js";
import { UNET } from "./rules-unet.js";

const DOMAINS: Readonly<Record<string, string>> = {
  RTVid: "rt1",
  RTVidActionControl: "rt1",
  CSGOVID: "csgo",
  RECONVID: "recon",
  CSGOVIDStyleDataset: "stills",
};

/** The dataset that trains where there is one, otherwise the one that is held out: both are read the same way. */
const leads = (split: string, get: Lookup): boolean =>
  split === "train" || get("data.params.train.target") === undefined;

const TRAIN = "data.params.train";
const HELD_OUT = "data.params.validation";

function folder(split: string, value: ConfigValue, get: Lookup): Settings {
  if (leads(split, get)) return { "data.folder": value };
  return value === get(`${TRAIN}.params.data_dir`) ? {} : { "data.validationFolder": value };
}

function size(split: string, value: ConfigValue, get: Lookup): Settings {
  if (!leads(split, get)) return {};
  const [height, width] = Array.isArray(value) ? (value as number[]) : [value, value];
  return { "data.height": height, "data.width": width };
}

const same =
  (split: string, name: string) =>
  (value: ConfigValue, get: Lookup): string | undefined => {
    const other = get(`${TRAIN}.params.${name}`);
    const fits = split === "train" || other === undefined || JSON.stringify(other) === JSON.stringify(value);
    return fits ? undefined : "differs from the training data's; there is one for both here";
  };

function splitRules(split: "train" | "validation"): Rule[] {
  const section = split === "train" ? TRAIN : HELD_OUT;
  const at = (name: string): string => `${section}.params.${name}`;
  const augmented = (value: ConfigValue, get: Lookup): Settings => {
    if (split === "validation") return {};
    const strong = get(at("strong_augmentation")) === true;
    return { "data.augmentation": value !== true ? "none" : strong ? "strong" : "standard" };
  };
  const equal =
    (name: string, own: string) =>
    (value: ConfigValue, get: Lookup): string | undefined =>
      value === (get(`${UNET}.${own}`) ?? value)
        ? undefined
        : `differs from the U-Net's ${own} (${JSON.stringify(get(`${UNET}.${own}`))}): ${name}`;
  return [
    {
      key: `${section}.target`,
      classes: Object.keys(DOMAINS),
      set: (value, get) => (leads(split, get) ? { "data.domain": DOMAINS[classOf(value)] } : {}),
    },
    { key: at("data_dir"), set: (value, get) => folder(split, value, get) },
    { key: at("resolution"), set: (value, get) => size(split, value, get), check: same(split, "resolution") },
    keep(at("spatial_transform"), "data.spatialTransform", {
      only: ["resize_center_crop", "resize_center_crop_csgo"],
      check: same(split, "spatial_transform"),
    }),
    {
      key: at("augment_data"),
      set: augmented,
      ...(split === "train" ? { absent: true } : { only: [false] }),
    },
    split === "train"
      ? { key: at("strong_augmentation"), feeds: "data.augmentation", absent: false }
      : idle(at("strong_augmentation"), "held-out clips are not augmented"),
    {
      key: at("video_length"),
      reason: "clips are as long as the model's window, model.temporalLength",
      check: equal("clips are as long as the window here", "temporal_length"),
    },
    keep(at("val_file_list_path"), "data.validationList", { check: same(split, "val_file_list_path") }),
    keep(at("val_start_idx_path"), "data.validationStarts", { check: same(split, "val_start_idx_path") }),
    keep(at("data_split_folder"), "data.splits", { check: same(split, "data_split_folder") }),
    split === "train"
      ? fixed(at("subsample"), [false], "training uses all episodes")
      : keep(at("subsample"), "data.validationSubsample"),
    fixed(at("mode"), [split === "train" ? "training" : "validation"], "the section says it"),
    fixed(at("crop_resolution"), [null], "belongs to transforms that are not used"),
    fixed(at("use_random_action"), [false], "actions are the recorded ones"),
    idle(at("cond_frame"), "read only together with use_random_action"),
    idle(at("processed_data_dir"), "nothing reads it"),
    idle(at("skip_processed"), "nothing reads it"),
    fixed(at("train_predefined_index"), [null], "the domain's own index is used"),
    fixed(at("val_predefined_index"), [null], "the domain's own index is used"),
    { key: at("exp"), feeds: "protocol.name", only: ["rollout", "single_step"] },
    keep(at("action_magnitude"), "protocol.magnitude"),
    {
      key: at("action_dim"),
      reason: "the U-Net's action_dim is the width",
      check: equal("one width for both", "action_dim"),
    },
    fixed(at("samples_per_episode"), [6, 8], "the protocol always makes all its variants"),
    { key: at("single_file"), set: (value) => ({ "protocol.episodes": value === true ? 1 : undefined }) },
  ];
}

/** Rules of everything below `data`. */
export const dataRules: readonly Rule[] = [
  { key: "data.target", classes: ["DataModuleFromConfig"], reason: "the only loader" },
  keep("data.params.batch_size", "training.batchSize"),
  idle("data.params.num_workers", "decoding threads are chosen by the loader"),
  fixed("data.params.wrap", [false], "nothing is wrapped"),
  ...splitRules("train"),
  ...splitRules("validation"),
];
