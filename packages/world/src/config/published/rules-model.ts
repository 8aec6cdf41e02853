// The model of the published code around its U-Net: diffusion, conditioning, loss, autoencoder, CLIP towers, resampler.
import type { ConfigValue } from "../document.js";
import { fixed, idle, keep, type Lookup, type Rule, type Settings } from "./rule.js";
import { UNET } from "./rules-unet.js";

const at = (name: string): string => `model.params.${name}`;
const vae = (name: string): string => `model.params.first_stage_config.params.${name}`;
const resampler = (name: string): string => `model.params.image_proj_stage_config.params.${name}`;
const AUTOENCODER = "latents.autoencoder.options";
const ONLY_FORM = "the only form that there is here";
const KEYS = "batches have fixed names here";
const FROZEN = "the autoencoder is frozen, in evaluation mode";

const causal = (get: Lookup): boolean => get(`${UNET}.use_causal_attention`) === true;

/** The one file of a published model has all its parts; a configuration without training data is about a finished model. */
function checkpoint(file: ConfigValue, get: Lookup): Settings {
  const trains = get("data.params.train.target") !== undefined;
  return {
    "latents.autoencoder.checkpoint": file,
    "context.checkpoint": file,
    ...(causal(get) && { "initialise.from": file }),
    ...(trains && { "latents.live": true }),
    ...(trains ? {} : { checkpoint: file }),
  };
}

/** Rules of everything below `model` but the U-Net. */
export const modelRules: readonly Rule[] = [
  { key: "model.target", classes: ["LatentVisualDiffusion"], reason: ONLY_FORM },
  { key: "model.pretrained_checkpoint", set: checkpoint },
  keep("model.base_learning_rate", "training.learningRate"),
  fixed("model.scale_lr", [false], "the learning rate is what it says, whatever batch and ranks", {
    absent: true,
    needs: "model.base_learning_rate",
  }),
  {
    key: "model.better_weight_transfer",
    set: (value, get) =>
      causal(get) && get("model.pretrained_checkpoint") !== undefined ? { "initialise.transfer": value } : {},
    only: ["shift", "masked", "extrapolative"],
    absent: "shift",
    needs: "model.pretrained_checkpoint",
  },
  keep(at("rescale_betas_zero_snr"), "diffusion.zeroTerminalSnr", { absent: false }),
  keep(at("parameterization"), "diffusion.parameterization", { absent: "eps" }),
  keep(at("linear_start"), "diffusion.linearStart", { absent: 1e-4 }),
  keep(at("linear_end"), "diffusion.linearEnd", { absent: 2e-2 }),
  keep(at("timesteps"), "diffusion.numTimesteps", { absent: 1000 }),
  fixed(at("beta_schedule"), ["linear"], ONLY_FORM, { absent: "linear" }),
  { key: at("use_dynamic_rescale"), feeds: "diffusion.baseScale, diffusion.turningStep", absent: false },
  {
    key: at("base_scale"),
    set: (value, get) => ({ "diffusion.baseScale": get(at("use_dynamic_rescale")) === true ? value : 1 }),
    absent: 0.7,
  },
  keep(at("turning_step"), "diffusion.turningStep", { absent: 400 }),
  keep(at("scale_factor"), "latents.autoencoder.scale", { absent: 1 }),
  fixed(at("scale_by_std"), [false], "the factor is given, not measured", { absent: false }),
  { key: at("use_ema"), set: (value) => ({ "training.emaDecay": value === true ? 0.9999 : 0 }), absent: true },
  keep(at("uncond_prob"), "context.dropout", { absent: 0.2 }),
  keep(at("image_proj_model_trainable"), "context.trainResampler", { absent: true }),
  {
    key: at("df_loss"),
    set: (value) => ({ "loss.levels": value === true ? "per-frame" : "per-sample" }),
    absent: false,
  },
  {
    key: at("action_emb"),
    reason: "the U-Net's own action_emb decides",
    check: (value, get) =>
      value === (get(`${UNET}.action_emb`) ?? false) ? undefined : "differs from the U-Net's action_emb",
  },
  keep(at("action_dropout_prob"), "loss.actionDropout", { absent: 0 }),
  keep(at("action_random_drop_btw_timestep"), "loss.actionDropoutPerTimestep", { absent: false }),
  fixed(at("uncond_type"), ["empty_seq"], "the null prompt is the empty text", { absent: "empty_seq" }),
  fixed(at("conditioning_key"), ["hybrid"], "image latents joined to the input, tokens by attention", {
    absent: "crossattn",
  }),
  fixed(at("cond_stage_trainable"), [false], "the towers are frozen", { absent: false }),
  fixed(at("freeze_embedder"), [true], "the towers are frozen", { absent: true }),
  fixed(at("cond_stage_forward"), [null], ONLY_FORM),
  fixed(at("fps_condition_type"), ["fps"], "the frame rate is embedded, not the stride", { absent: "fs" }),
  fixed(at("rand_cond_frame"), [false], "the first frame of the window is the image condition", { absent: false }),
  fixed(at("interp_mode"), [false], "models that fill in between two images are not built", { absent: false }),
  fixed(at("noise_strength"), [0], "plain noise", { absent: 0 }),
  fixed(at("loss_type"), ["l2"], ONLY_FORM, { absent: "l2" }),
  fixed(at("l_simple_weight"), [1], ONLY_FORM, { absent: 1 }),
  fixed(at("original_elbo_weight"), [0], ONLY_FORM, { absent: 0 }),
  fixed(at("learn_logvar"), [false], ONLY_FORM, { absent: false }),
  fixed(at("logvar_init"), [0], ONLY_FORM, { absent: 0 }),
  fixed(at("v_posterior"), [0], "only the ancestral sampler of old reads it", { absent: 0 }),
  fixed(at("encoder_type"), ["2d"], "frames are encoded one by one", { absent: "2d" }),
  fixed(at("num_timesteps_cond"), [1], ONLY_FORM),
  fixed(at("first_stage_key"), ["video"], KEYS),
  fixed(at("cond_stage_key"), ["caption"], KEYS),
  fixed(at("ckpt_path"), [null], "pretrained_checkpoint names the file"),
  idle(at("ignore_keys"), "belongs to ckpt_path, which is not used"),
  idle(at("load_only_unet"), "belongs to ckpt_path, which is not used"),
  idle(at("only_model"), "belongs to ckpt_path, which is not used"),
  {
    key: at("image_size"),
    reason: "follows from the frames: an eighth of their size",
    check: (value, get) => {
      const frames = (get("data.params.train.params.resolution") ?? get("data.params.validation.params.resolution")) as
        number[] | undefined;
      const eighth = frames?.map((length) => length / 8).join();
      const fits = eighth === undefined || !Array.isArray(value) || eighth === value.join();
      return fits ? undefined : `differs from an eighth of data's resolution (${frames?.join()})`;
    },
  },
  {
    key: at("channels"),
    reason: "follows from the U-Net's out_channels",
    check: (value, get) =>
      value === get(`${UNET}.out_channels`) ? undefined : "differs from the U-Net's out_channels",
  },
  idle(at("perframe_ae"), "frames are encoded in pieces that fit the memory; the latents are the same"),
  idle(
    at("en_and_decode_n_samples_a_time"),
    "frames are encoded in pieces that fit the memory; the latents are the same",
  ),
  idle(at("log_every_t"), "intermediate samples are not logged"),
  idle(at("clip_denoised"), "only the ancestral sampler of old reads it"),
  idle(at("use_positional_encodings"), "nothing reads it"),
  idle(at("monitor"), "the newest checkpoints are kept: training.keepCheckpoints"),
  idle(at("logdir"), "the run's folder is --out"),

  { key: at("first_stage_config.target"), classes: ["AutoencoderKL"], reason: ONLY_FORM },
  keep(vae("embed_dim"), `${AUTOENCODER}.embedDim`),
  keep(vae("ddconfig.z_channels"), `${AUTOENCODER}.zChannels`),
  keep(vae("ddconfig.in_channels"), `${AUTOENCODER}.inChannels`),
  {
    key: vae("ddconfig.out_ch"),
    reason: "pictures come out as they went in",
    check: (value, get) => (value === get(vae("ddconfig.in_channels")) ? undefined : "differs from in_channels"),
  },
  keep(vae("ddconfig.ch"), `${AUTOENCODER}.ch`),
  keep(vae("ddconfig.ch_mult"), `${AUTOENCODER}.channelMultipliers`),
  keep(vae("ddconfig.num_res_blocks"), `${AUTOENCODER}.numResBlocks`),
  fixed(vae("ddconfig.double_z"), [true], "the encoder puts out mean and variance", { absent: true }),
  fixed(vae("ddconfig.attn_resolutions"), [[]], "attention in the middle only"),
  idle(vae("ddconfig.resolution"), "the autoencoder takes any size"),
  idle(vae("ddconfig.dropout"), FROZEN),
  idle(vae("monitor"), FROZEN),
  idle(vae("lossconfig.**"), FROZEN),

  { key: at("cond_stage_config.target"), classes: ["FrozenOpenCLIPEmbedder"], reason: ONLY_FORM },
  fixed(at("cond_stage_config.params.freeze"), [true], "the towers are frozen", { absent: true }),
  fixed(at("cond_stage_config.params.layer"), ["penultimate"], "all but the last block, then the norm", {
    absent: "last",
  }),
  fixed(at("cond_stage_config.params.arch"), ["ViT-H-14"], ONLY_FORM),
  fixed(at("cond_stage_config.params.version"), ["laion2b_s32b_b79k"], "the checkpoint has the weights"),
  fixed(at("cond_stage_config.params.max_length"), [77], ONLY_FORM),
  { key: at("img_cond_stage_config.target"), classes: ["FrozenOpenCLIPImageEmbedderV2"], reason: ONLY_FORM },
  fixed(at("img_cond_stage_config.params.freeze"), [true], "the towers are frozen", { absent: true }),
  fixed(at("img_cond_stage_config.params.arch"), ["ViT-H-14"], ONLY_FORM),
  fixed(at("img_cond_stage_config.params.version"), ["laion2b_s32b_b79k"], "the checkpoint has the weights"),
  fixed(at("img_cond_stage_config.params.antialias"), [true], ONLY_FORM),

  { key: at("image_proj_stage_config.target"), classes: ["Resampler"], reason: ONLY_FORM },
  keep(resampler("dim"), "context.resampler.width", { absent: 1024 }),
  keep(resampler("depth"), "context.resampler.depth", { absent: 8 }),
  keep(resampler("dim_head"), "context.resampler.headChannels", { absent: 64 }),
  keep(resampler("heads"), "context.resampler.heads", { absent: 16 }),
  keep(resampler("num_queries"), "context.resampler.numQueries", { absent: 8 }),
  keep(resampler("embedding_dim"), "context.resampler.inputWidth", { absent: 768 }),
  keep(resampler("output_dim"), "context.resampler.outputWidth", { absent: 1024 }),
  keep(resampler("ff_mult"), "context.resampler.feedForwardMultiplier", { absent: 4 }),
  keep(resampler("video_length"), "context.resampler.videoLength", { absent: 1 }),
];
