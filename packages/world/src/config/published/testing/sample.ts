// Configurations in the structure of the published code, for tests: made from parts, with the sections and names that its files have.

/** The U-Net's section; `actionDim` undefined writes none. */
function unet(temporalLength: number, actionDim: number | undefined, causal: boolean): string {
  return `
    unet_config:
      target: lvdm.modules.networks.openaimodel3d.UNetModel
      params:
        in_channels: 8
        out_channels: 4
        model_channels: 320
        attention_resolutions: [4, 2, 1]
        num_res_blocks: 2
        channel_mult: [1, 2, 4, 4]
        dropout: 0.1
        num_head_channels: 64
        transformer_depth: 1
        context_dim: 1024
        use_linear: true
        use_checkpoint: yes
        temporal_conv: True
        temporal_attention: True
        temporal_selfatt_only: true
        use_relative_position: false
        use_causal_attention: ${causal ? "True" : "False"}
        temporal_length: ${temporalLength}
        addition_attention: true
        image_cross_attention: true
        default_fs: ${causal ? 3 : 24}
        fs_condition: true
${causal ? "        action_emb: true\n" : ""}${actionDim === undefined ? "" : `        action_dim: ${actionDim} # numbers per action\n`}`;
}

const STAGES = `
    first_stage_config:
      target: lvdm.models.autoencoder.AutoencoderKL
      params:
        embed_dim: 4
        monitor: val/rec_loss
        ddconfig: { double_z: True, z_channels: 4, resolution: 256, in_channels: 3, out_ch: 3, ch: 128,
          ch_mult: [1, 2, 4, 4], num_res_blocks: 2, attn_resolutions: [], dropout: 0.2 }
        lossconfig: { target: torch.nn.Identity }
    cond_stage_config:
      target: lvdm.modules.encoders.condition.FrozenOpenCLIPEmbedder
      params: { freeze: true, layer: "penultimate" }
    img_cond_stage_config:
      target: lvdm.modules.encoders.condition.FrozenOpenCLIPImageEmbedderV2
      params: { freeze: true }
    image_proj_stage_config:
      target: lvdm.modules.encoders.resampler.Resampler
      params: { dim: 1024, depth: 4, dim_head: 64, heads: 12, num_queries: 16, embedding_dim: 1280, output_dim: 1024,
        ff_mult: 4, video_length: 16 }
`;

const DIFFUSION = `
    rescale_betas_zero_snr: True
    parameterization: "v"
    linear_start: 0.00085
    linear_end: 0.012
    num_timesteps_cond: 1
    timesteps: 1000
    first_stage_key: video
    cond_stage_key: caption
    cond_stage_trainable: False
    conditioning_key: hybrid
    image_size: [40, 64]
    channels: 4
    scale_by_std: False
    scale_factor: 0.18215
    use_ema: False
    uncond_type: 'empty_seq'
    use_dynamic_rescale: true
    base_scale: 0.7
    fps_condition_type: 'fps'
    perframe_ae: True
`;

/** Parts of a world model's file that differ between the published ones. */
export interface SampleOptions {
  readonly temporalLength?: number;
  readonly actionDim?: number;
  readonly transfer?: string;
  readonly actionDropout?: number;
  /** The section below `data.params`, without `batch_size`. */
  readonly data: string;
  /** The section below `lightning.callbacks`. */
  readonly callbacks?: string;
  readonly maxSteps?: number;
}

/** A world model's file. */
export function worldSample(options: SampleOptions): string {
  const {
    temporalLength = 16,
    actionDim,
    transfer = "extrapolative",
    actionDropout = 0.2,
    data,
    callbacks,
    maxSteps,
  } = options;
  return `model:
  pretrained_checkpoint: |<your_checkpoint_path>|
  base_learning_rate: 1.0e-05
  scale_lr: False
  target: lvdm.models.ddpm3d.LatentVisualDiffusion
  better_weight_transfer: "${transfer}"
  params:${DIFFUSION}
    log_every_t: 200
    image_proj_model_trainable: True
    uncond_prob: 0.05
    rand_cond_frame: false
    df_loss: True
    action_emb: True
    action_dropout_prob: ${actionDropout} # guidance on actions
    action_random_drop_btw_timestep: ${actionDropout > 0 ? "True" : "False"}
${unet(temporalLength, actionDim, true)}${STAGES}
data:
  target: utils_data.DataModuleFromConfig
  params:
    batch_size: 2
    num_workers: 12
    wrap: false
${data}
lightning:
  precision: 16
  trainer:
    benchmark: True
    accumulate_grad_batches: 2
${maxSteps === undefined ? "" : `    max_steps: ${maxSteps}\n`}    log_every_n_steps: 50
    val_check_interval: 0.5
    gradient_clip_algorithm: 'norm'
    gradient_clip_val: 0.5
${callbacks === undefined ? "" : `  callbacks:\n${callbacks}`}`;
}

/** The base model's file for inference: no data, no trainer. */
export function baseSample(extra = ""): string {
  return `model:
  target: lvdm.models.ddpm3d.LatentVisualDiffusion
  params:${DIFFUSION}${extra}${unet(16, undefined, false)}${STAGES}`;
}

/** How a logger samples. */
export const SAMPLING = `log_images_kwargs: { ddim_steps: 50, unconditional_guidance_scale: 2.5, timestep_spacing: uniform_trailing, guidance_rescale: 0.7`;

/** RT-1's training section. */
export const RT1_TRAINING = `    train:
      target: lvdm.data.rtvid.RTVid
      params: { data_dir: "|<your_data_dir>|", video_length: 16, resolution: [320, 512], spatial_transform: resize_center_crop,
        strong_augmentation: False, mode: 'training', augment_data: True, subsample: False, val_file_list_path: lists/val.json }
    validation:
      target: lvdm.data.rtvid.RTVid
      params: { data_dir: "|<your_data_dir>|", video_length: 16, resolution: [320, 512], spatial_transform: resize_center_crop,
        strong_augmentation: False, mode: 'validation', augment_data: False, subsample: True, val_file_list_path: lists/val.json }
`;
