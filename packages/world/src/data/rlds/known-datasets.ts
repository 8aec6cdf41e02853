// What the published converter knows about the datasets of the Open X-Embodiment family: camera, version, action.

/** Facts about a dataset by its published name. */
export interface KnownDataset {
  /** Name of its folder: the published name, without the digit that chooses a camera. */
  readonly folder: string;
  readonly version: string;
  /** Field of the observation that holds the picture. */
  readonly imageKey: string;
  /** Steps a second, where the dataset's own description says it. */
  readonly fps: number | undefined;
}

/** RT-1: the dataset that the published models are trained on. */
export const RT1_DATASET = "fractal20220817_data";

/** Fields of RT-1's action, in the order in which the published models take them: 13 numbers. */
export const RT1_ACTION: readonly string[] = [
  "action/base_displacement_vector", // 2
  "action/base_displacement_vertical_rotation", // 1
  "action/gripper_closedness_action", // 1
  "action/rotation_delta", // 3
  "action/terminate_episode", // 3
  "action/world_vector", // 3
];

const IMAGE_KEYS: Readonly<Record<string, string>> = {
  taco_play: "rgb_static",
  roboturk: "front_rgb",
  viola: "agentview_rgb",
  language_table: "rgb",
};

const VERSIONS: Readonly<Record<string, string>> = {
  robo_net: "1.0.0",
  cmu_playing_with_food: "1.0.0",
  language_table: "0.0.1",
};

/** Datasets with four cameras: a digit behind the name chooses one. */
const CAMERAS = /^(stanford_robocook_converted_externally_to_rlds|uiuc_d3field)([1-4])$/;

const RATES: Readonly<Record<string, number>> = { [RT1_DATASET]: 3 };

/** Facts about a dataset; what is not known has the values that most have. */
export function knownDataset(name: string): KnownDataset {
  const [, folder = name, camera] = CAMERAS.exec(name) ?? [];
  return {
    folder,
    version: VERSIONS[folder] ?? "0.1.0",
    imageKey: camera === undefined ? (IMAGE_KEYS[name] ?? "image") : `image_${camera}`,
    fps: RATES[folder],
  };
}
