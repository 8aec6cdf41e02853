// The trainer and the loggers of the published code: budget, clipping, precision, and how validation samples.
import { fixed, idle, keep, type Rule } from "./rule.js";

const trainer = (name: string): string => `lightning.trainer.${name}`;
const callback = (name: string): string => `lightning.callbacks.*.${name}`;
const kwargs = (name: string): string => callback(`params.log_images_kwargs.${name}`);
const LAUNCH = "how many processes take part is said when they are started";
const OWN_PACE =
  "training has its own pace for this: training.checkpointMinutes, validateEvery and logEvery, validation.every";

/** Loggers that are the published evaluation; the protocol is theirs. */
export const EVALUATORS = ["MetricsLogger", "CSGOVideoLogger", "CSGOLongRolloutVideoLogger", "RECONVIDMetricsLogger"];
/** Loggers that sample while training. */
export const ONLOOKERS = ["ImageLogger", "TrainingMetricsLogger"];
const OTHERS = ["ModelCheckpoint", "LearningRateMonitor", "CUDACallback"];

/** Lightning's names; 16 alone is float16 with loss scaling. */
const precisionOf = (name: string | number): string =>
  `${name}`.startsWith("32") ? "float32" : `${name}`.startsWith("bf16") ? "bfloat16" : "float16";

/** Rules of everything below `lightning`. */
export const lightningRules: readonly Rule[] = [
  {
    key: "lightning.precision",
    set: (value) => ({ "training.precision": precisionOf(value as string | number) }),
    only: [16, "16", "16-mixed", "bf16", "bf16-mixed", 32, "32", "32-true"],
    absent: 32,
  },
  keep(trainer("accumulate_grad_batches"), "training.accumulate", { absent: 1 }),
  keep(trainer("max_steps"), "training.maxSteps"),
  keep(trainer("log_every_n_steps"), "training.logEvery", { absent: 50 }),
  keep(trainer("gradient_clip_val"), "training.gradientClip"),
  fixed(trainer("gradient_clip_algorithm"), ["norm"], "gradients are clipped by their global norm"),
  idle(trainer("benchmark"), "a choice of kernels"),
  idle(trainer("val_check_interval"), OWN_PACE),
  idle(trainer("check_val_every_n_epoch"), OWN_PACE),
  idle(trainer("limit_val_batches"), OWN_PACE),
  idle(trainer("num_sanity_val_steps"), OWN_PACE),
  idle(trainer("num_nodes"), LAUNCH),
  idle(trainer("devices"), LAUNCH),
  idle(trainer("accelerator"), LAUNCH),
  idle("lightning.strategy", LAUNCH),
  idle("lightning.logger.**", "progress goes to metrics.jsonl and TensorBoard; W&B by logging.wandb"),
  idle("lightning.wandb.**", "progress goes to metrics.jsonl and TensorBoard; W&B by logging.wandb"),

  { key: callback("target"), classes: [...EVALUATORS, ...ONLOOKERS, ...OTHERS], feeds: "protocol.name, contextFrames" },
  { key: callback("params.rollout_steps"), feeds: "protocol.frames" },
  { key: callback("params.history_steps"), feeds: "contextFrames" },
  { key: kwargs("ar"), feeds: "protocol.name" },
  { key: kwargs("cond_frame"), feeds: "contextFrames" },
  { key: kwargs("ddim_steps"), feeds: "sampler.numSteps" },
  { key: kwargs("ddim_eta"), feeds: "sampler.eta" },
  { key: kwargs("unconditional_guidance_scale"), feeds: "sampler.guidanceScale" },
  { key: kwargs("guidance_rescale"), feeds: "sampler.guidanceRescale" },
  { key: kwargs("timestep_spacing"), feeds: "sampler.spacing" },
  { key: kwargs("ar_noise_schedule"), feeds: "sampler.historyLevel" },
  fixed(kwargs("use_kv_cache"), [false], "the published cache changes the results; it is not built"),
  fixed(kwargs("ar_alter_history_frames"), [false], "history keeps its noise"),
  idle(kwargs("plot_denoise_rows"), "intermediate samples are not drawn"),
  idle(callback("params.save_dir"), "rollouts go to --out"),
  idle(callback("params.i3d_model_path"), "metrics find their networks in the weights folder"),
  idle(callback("params.evaluate"), "scoring is a command of its own: vid2world evaluate"),
  idle(callback("params.env"), "scoring is a command of its own: vid2world evaluate"),
  idle(callback("params.buffer_size"), "how many clips are scored at once"),
  idle(callback("params.max_batchsize"), "how many clips are scored at once"),
  idle(callback("params.skip_batch_if_all_exist"), "what is complete is always skipped"),
  idle(callback("params.log_every_n_train_steps"), OWN_PACE),
  idle(callback("params.every_n_train_steps"), OWN_PACE),
  idle(callback("params.batch_frequency"), OWN_PACE),
  idle(callback("params.logging_interval"), OWN_PACE),
  ...["filename", "dirpath", "save_weights_only", "save_top_k", "save_last", "verbose", "monitor", "mode"].map((name) =>
    idle(callback(`params.${name}`), "checkpoints have fixed names and hold everything that resuming needs"),
  ),
  ...["to_local", "max_images", "clamp", "rescale", "log_to_wandb", "num_wandb_videos"].map((name) =>
    idle(callback(`params.${name}`), "sample videos have settings of their own: validation"),
  ),
];
