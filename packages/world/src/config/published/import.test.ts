// Configurations of the published code in, ours out: every setting accounted for, the result what the schema takes.
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { trainingConfigSchema, type TrainingConfig } from "../../training/config.js";
import { ConfigError } from "../config-error.js";
import { importedValues, importPublished, type PublishedImport } from "./import.js";
import { readPublished } from "./source.js";
import { baseSample, RT1_TRAINING, SAMPLING, worldSample } from "./testing/sample.js";
import { writeImported } from "./write.js";

const FILL = { your_checkpoint_path: "/weights/model.ckpt", your_data_dir: "/data/rt1" };

const RT1 = worldSample({
  data: RT1_TRAINING,
  maxSteps: 100000,
  callbacks: `    model_checkpoint:
      target: pytorch_lightning.callbacks.ModelCheckpoint
      params: { every_n_train_steps: 1000, filename: "{epoch}-{step}", save_weights_only: True }
    batch_logger:
      target: callbacks.ImageLogger
      params: { batch_frequency: 5000, to_local: False, max_images: 8, ${SAMPLING}, ar: False } }
    metrics_logger:
      target: callbacks.MetricsLogger
      params: { log_every_n_train_steps: 5000, save_dir: "|<your_save_dir>|", i3d_model_path: i3d.pt, ${SAMPLING}, ar: True, cond_frame: 1 } }
`,
});

const checked = (imported: PublishedImport): TrainingConfig => trainingConfigSchema.parse(importedValues(imported));
const keysOf = (remarks: readonly { key: string }[]): string[] => remarks.map(({ key }) => key);

/** How many settings a text has, and how many of them the import names: each once. */
function account(imported: PublishedImport, text: string): [number, number] {
  const { mapped, withoutEffect, unsupported, unknown } = imported;
  const named = [...mapped, ...withoutEffect, ...unsupported, ...unknown].filter(({ line }) => line !== undefined);
  return [readPublished("x.yaml", text).settings.length, new Set(keysOf(named)).size];
}

describe("RT-1's training file", () => {
  const imported = importPublished("rt1.yaml", RT1, FILL);

  test("becomes the published recipe", () => {
    expect(checked(imported)).toMatchObject({
      kind: "world",
      data: {
        domain: "rt1",
        folder: "/data/rt1",
        height: 320,
        width: 512,
        augmentation: "standard",
        validationList: "lists/val.json",
      },
      latents: { autoencoder: { checkpoint: "/weights/model.ckpt", scale: 0.18215, options: { ch: 128 } } },
      context: { checkpoint: "/weights/model.ckpt", dropout: 0.05, trainResampler: true, resampler: { heads: 12 } },
      initialise: { from: "/weights/model.ckpt", transfer: "extrapolative" },
      model: {
        modelChannels: 320,
        causal: true,
        temporalLength: 16,
        actionDim: 13,
        actionEncoder: "continuous",
        defaultFps: 3,
      },
      diffusion: { zeroTerminalSnr: true, parameterization: "v", baseScale: 0.7, turningStep: 400 },
      loss: { levels: "per-frame", actionDropout: 0.2, actionDropoutPerTimestep: true },
      sampler: { numSteps: 50, guidanceScale: 2.5, guidanceRescale: 0.7, eta: 1, spacing: "uniform_trailing" },
      protocol: { name: "ar" },
      contextFrames: 1,
      training: {
        learningRate: 1e-5,
        weightDecay: 0.01,
        gradientClip: 0.5,
        accumulate: 2,
        maxSteps: 100000,
        batchSize: 2,
        emaDecay: 0,
      },
    });
  });

  test("is accounted for, every setting of it once, with nothing unknown", () => {
    expect([imported.unknown, imported.unsupported, imported.placeholders, imported.assumed]).toEqual([[], [], [], []]);
    const [settings, named] = account(imported, RT1);
    expect(named).toBe(settings);
    expect(imported.withoutEffect.every(({ message }) => message.length > 10)).toBe(true);
  });

  test("is written as YAML that loads to the same values, each line with the setting that it comes from", () => {
    const text = writeImported(imported);
    expect(parse(text)).toEqual(importedValues(imported));
    expect(text).toContain("actionDropout: 0.2 # model.params.action_dropout_prob");
    expect(text.split("\n").every((line) => line.length <= 120)).toBe(true);
  });

  test("without values for its placeholders names those that matter, with their lines", () => {
    const open = importPublished("rt1.yaml", RT1);
    expect(open.placeholders[0]).toEqual({ name: "your_checkpoint_path", key: "model.pretrained_checkpoint", line: 2 });
    expect(new Set(open.placeholders.map(({ name }) => name))).toEqual(
      new Set(["your_checkpoint_path", "your_data_dir"]),
    );
    expect(writeImported(open)).toContain("# Still to fill in: |<your_data_dir>|");
  });
});

describe("evaluation files", () => {
  const CSGO = (callbacks: string, target = "lvdm.data.csgovid.CSGOVID"): string =>
    worldSample({
      temporalLength: 10,
      actionDim: 51,
      maxSteps: 100000,
      callbacks,
      data: `    validation:
      target: ${target}
      params:
        data_dir: |<your_data_dir>|/full_res  # where the tars were unpacked
        video_length: 10
        resolution: [320, 512]
        spatial_transform: resize_center_crop_csgo
        mode: 'validation'
        augment_data: False
        val_file_list_path: 'lists/test_split.txt'
        val_start_idx_path: 'lists/starts.npy'
        cond_frame: 4
`,
    });

  test("of long CS:GO rollouts give the protocol, its history and its frames, and the finished checkpoint", () => {
    const logger = `    metrics_logger:
      target: callbacks.CSGOLongRolloutVideoLogger
      params: { rollout_steps: 100, history_steps: 9, save_dir: out, ${SAMPLING} } }\n`;
    const imported = importPublished("long.yaml", CSGO(logger), FILL);
    expect(checked(imported)).toMatchObject({
      checkpoint: "/weights/model.ckpt",
      data: {
        domain: "csgo",
        folder: "/data/rt1/full_res",
        spatialTransform: "resize_center_crop_csgo",
        validationStarts: "lists/starts.npy",
      },
      protocol: { name: "long", frames: 100 },
      contextFrames: 9,
      model: { temporalLength: 10, actionDim: 51, actionEncoder: "multiHot" },
    });
    expect([imported.unknown, imported.unsupported]).toEqual([[], []]);
  });

  test("of ordinary CS:GO rollouts and of still images are told apart by logger and data", () => {
    const logger = `    m:\n      target: callbacks.CSGOVideoLogger\n      params: { save_dir: out, ${SAMPLING} } }\n`;
    const ordinary = checked(importPublished("x.yaml", CSGO(logger), FILL));
    expect(ordinary).toMatchObject({ protocol: { name: "ar" }, contextFrames: 4 });
    const stills = checked(importPublished("x.yaml", CSGO(logger, "lvdm.data.valorant.CSGOVIDStyleDataset"), FILL));
    expect(stills).toMatchObject({ data: { domain: "stills" } });
  });

  test.each([
    ["single_step", "single-step"],
    ["rollout", "rollout"],
  ])("of RECON with exp %s are protocol %s with four context frames", (exp, name) => {
    const text = worldSample({
      temporalLength: 20,
      actionDim: 3,
      data: `    validation:
      target: elsewhere.eval_inputs.reconvid.RECONVID
      params: { data_dir: '|<your_data_dir>|', data_split_folder: splits/recon, video_length: 20, resolution: [320, 512],
        spatial_transform: resize_center_crop, mode: validation, augment_data: false, subsample: false, exp: ${exp} }\n`,
    });
    const imported = importPublished("recon.yaml", text, FILL);
    expect(checked(imported)).toMatchObject({
      data: { domain: "recon", splits: "splits/recon" },
      protocol: { name },
      contextFrames: 4,
      model: { temporalLength: 20, actionDim: 3 },
    });
    expect(imported.assumed.map(({ key }) => key)).toEqual(["training.maxSteps"]);
  });

  test("of action control push as far as the file says", () => {
    const text = worldSample({
      data: `    validation:
      target: lvdm.data.rtvid_action_control.RTVidActionControl
      params: { data_dir: d, video_length: 16, resolution: [320, 512], spatial_transform: resize_center_crop, mode: validation,
        augment_data: false, subsample: false, val_file_list_path: v.json, action_magnitude: 0.2, action_dim: 13, samples_per_episode: 6, single_file: true }\n`,
    });
    const imported = importPublished("x.yaml", text, FILL);
    expect(checked(imported)).toMatchObject({ protocol: { name: "action-control", magnitude: 0.2, episodes: 1 } });
    expect(imported.unsupported).toEqual([]);
  });

  test.each(["shift", "masked", "extrapolative"])(
    "of the ablation %s without action guidance keep both",
    (transfer) => {
      const imported = importPublished(
        "x.yaml",
        worldSample({ data: RT1_TRAINING, transfer, actionDropout: 0, maxSteps: 30000 }),
        FILL,
      );
      expect(checked(imported)).toMatchObject({
        initialise: { transfer },
        loss: { actionDropout: 0, actionDropoutPerTimestep: false },
        training: { maxSteps: 30000 },
      });
    },
  );
});

describe("the base model's files", () => {
  test("become a base model from the base checkpoint; the data is asked for", () => {
    const imported = importPublished("inference_512.yaml", baseSample());
    expect(imported.assumed.map(({ key }) => key)).toContain("data");
    const values = { ...importedValues(imported), data: { domain: "stills", folder: "x" } };
    expect(trainingConfigSchema.parse(values)).toMatchObject({
      kind: "base",
      checkpoint: "weights:dynamicrafter-512",
      model: { causal: false, defaultFps: 24 },
      loss: { levels: "per-sample" },
      context: { dropout: 0.2 },
    });
    expect([imported.unknown, imported.unsupported]).toEqual([[], []]);
  });

  test("take the code's defaults where they are silent, and say which of them there is no form for here", () => {
    const old = baseSample()
      .replace("    rescale_betas_zero_snr: True\n", "")
      .replace('    parameterization: "v"\n', "");
    const silent = importPublished("inference_256.yaml", old.replace("        temporal_conv: True\n", ""));
    expect(silent.settings.get("diffusion.zeroTerminalSnr")).toBe(false);
    expect(silent.settings.get("diffusion.parameterization")).toBe("eps");
    expect(silent.origins.get("diffusion.parameterization")).toContain("absent");
    expect(keysOf(silent.unsupported)).toEqual(["model.params.unet_config.params.temporal_conv"]);
    const interpolating = importPublished("x.yaml", baseSample("\n    interp_mode: true\n"));
    expect(interpolating.unsupported).toMatchObject([
      { key: "model.params.interp_mode", message: /cannot be expressed/ },
    ]);
  });
});

describe("a file that is not as published", () => {
  test("has its unknown settings reported with line and likely meaning, also whole sections", () => {
    const text = RT1.replace("scale_factor:", "scale_facter:") + "extra:\n  - { deep: 1 }\n";
    const { unknown } = importPublished("x.yaml", text, FILL);
    expect(unknown.map(({ key, message }) => [key, message])).toEqual([
      ["model.params.scale_facter", "unknown; did they mean scale_factor?"],
      ["extra.0.deep", "not a setting of the published code that we know"],
    ]);
    expect(unknown[0]?.line).toBe(text.split("\n").findIndex((line) => line.includes("scale_facter")) + 1);
  });

  test("has unknown classes, contradictions and other lengths reported", () => {
    const text = RT1.replaceAll("lvdm.data.rtvid.RTVid", "mine.Other").replace(
      "image_size: [40, 64]",
      "image_size: [32, 32]",
    );
    const { unsupported } = importPublished(
      "x.yaml",
      text.replaceAll("video_length: 16, res", "video_length: 12, res"),
      FILL,
    );
    expect(keysOf(unsupported)).toEqual([
      "model.params.image_size",
      "data.params.train.target",
      "data.params.train.params.video_length",
      "data.params.validation.target",
      "data.params.validation.params.video_length",
    ]);
    expect(unsupported[1]?.message).toContain("RTVid");
  });

  test("may refer to its own settings, but not to what it does not hold", () => {
    const linked = RT1.replace("batch_size: 2", "batch_size: ${lightning.trainer.accumulate_grad_batches}");
    expect(importPublished("x.yaml", linked, FILL).settings.get("training.batchSize")).toBe(2);
    const lost = RT1.replace("batch_size: 2", "batch_size: ${oc.env:BATCH}");
    expect(() => importPublished("x.yaml", lost)).toThrow(ConfigError);
    expect(() => importPublished("x.yaml", "a: [1\n")).toThrow("not valid YAML");
    expect(() => importPublished("x.yaml", "- 1\n")).toThrow("expected a mapping");
  });
});
