// The U-Net of the published code: what its constructor takes, and its defaults where the file is silent.
import type { ConfigValue } from "../document.js";
import { fixed, idle, keep, type Rule } from "./rule.js";

/** Where its settings stand. */
export const UNET = "model.params.unet_config.params";

const at = (name: string): string => `${UNET}.${name}`;
const ONLY_FORM = "the only form of the network that there is here";

/** Width of CS:GO's actions, which are rows of a table that are summed; all others go through a perceptron. */
const MULTI_HOT = 51;

const width = (value: ConfigValue, acts: ConfigValue | undefined): Record<string, ConfigValue | undefined> =>
  acts === true
    ? { "model.actionDim": value, "model.actionEncoder": value === MULTI_HOT ? "multiHot" : "continuous" }
    : {};

/** Rules of the U-Net's settings. */
export const unetRules: readonly Rule[] = [
  { key: "model.params.unet_config.target", classes: ["UNetModel"], reason: ONLY_FORM },
  keep(at("in_channels"), "model.inChannels"),
  keep(at("out_channels"), "model.outChannels"),
  keep(at("model_channels"), "model.modelChannels"),
  keep(at("attention_resolutions"), "model.attentionResolutions"),
  keep(at("num_res_blocks"), "model.numResBlocks"),
  keep(at("channel_mult"), "model.channelMultipliers", { absent: [1, 2, 4, 8] }),
  keep(at("dropout"), "model.dropout", { absent: 0 }),
  keep(at("num_head_channels"), "model.headChannels", {
    check: (value) => (typeof value === "number" && value > 0 ? undefined : "heads are given by their width here"),
  }),
  fixed(at("num_heads"), [-1], "heads are given by their width, num_head_channels"),
  keep(at("transformer_depth"), "model.transformerDepth", { absent: 1 }),
  keep(at("context_dim"), "model.contextDim"),
  keep(at("use_linear"), "model.useLinear", { absent: false }),
  keep(at("use_checkpoint"), "model.checkpointing", { absent: false }),
  keep(at("use_causal_attention"), "model.causal", { absent: false }),
  keep(at("temporal_length"), "model.temporalLength"),
  keep(at("addition_attention"), "model.additionAttention", { absent: false }),
  keep(at("image_cross_attention"), "model.imageCrossAttention", { absent: false }),
  keep(at("default_fs"), "model.defaultFps", { absent: 4 }),
  keep(at("fs_condition"), "model.fpsCondition", { absent: false }),
  { key: at("action_emb"), feeds: "model.actionDim, model.actionEncoder", absent: false },
  { key: at("action_dim"), set: (value, get) => width(value, get(at("action_emb"))), absent: 13 },
  fixed(at("temporal_conv"), [true], ONLY_FORM, { absent: false }),
  fixed(at("temporal_attention"), [true], ONLY_FORM, { absent: true }),
  fixed(at("temporal_selfatt_only"), [true], ONLY_FORM, { absent: true }),
  fixed(at("use_relative_position"), [false], ONLY_FORM, { absent: true }),
  fixed(at("tempspatial_aware"), [false], ONLY_FORM, { absent: false }),
  fixed(at("image_cross_attention_scale_learnable"), [false], ONLY_FORM, { absent: false }),
  fixed(at("use_scale_shift_norm"), [false], ONLY_FORM, { absent: false }),
  fixed(at("resblock_updown"), [false], ONLY_FORM, { absent: false }),
  fixed(at("conv_resample"), [true], ONLY_FORM, { absent: true }),
  fixed(at("dims"), [2], ONLY_FORM, { absent: 2 }),
  fixed(at("use_fp16"), [false], "precision is a setting of the run: training.precision", { absent: false }),
  idle(at("image_size"), "the network takes any size"),
];
