// For tests only: a small TFDS folder of robot episodes, whole or spoilt.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeImage } from "@vid2world/formats";
import { encodeExample, type Feature } from "@vid2world/formats/tfrecord/example";
import { writeTfRecords } from "@vid2world/formats/tfrecord/tfrecord";
import { RT1_ACTION } from "../rlds/known-datasets.js";

const WIDTHS: Readonly<Record<string, number>> = { base_displacement_vector: 2, base_displacement_vertical_rotation: 1, gripper_closedness_action: 1, rotation_delta: 3, terminate_episode: 3, world_vector: 3 }; // prettier-ignore
const tensor = (dtype: string, ...dimensions: number[]): object => ({ tensor: { shape: { dimensions: dimensions.map(String) }, dtype, encoding: "none" } }); // prettier-ignore
const dict = (features: object): object => ({ featuresDict: { features } });

/** Height and width of the pictures. */
const [HEIGHT, WIDTH, STEPS] = [8, 10, 3];

/** An episode of three steps with pictures of 8x10; `change` may spoil it. */
export async function rldsRecord(
  seed: number,
  change: (features: Map<string, Feature>) => void = () => undefined,
): Promise<Uint8Array> {
  const pictures = await Promise.all(
    Array.from({ length: STEPS }, (_, t) => {
      const data_HWC = Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, i) => (i * 3 + t * 40 + seed * 7) % 256);
      return encodeImage({ data_HWC, height: HEIGHT, width: WIDTH }, "png");
    }),
  );
  const features = new Map<string, Feature>([["steps/observation/image", { kind: "bytes", values: pictures }]]);
  for (const path of RT1_ACTION) {
    const count = (WIDTHS[path.slice("action/".length)] ?? 0) * STEPS;
    const values = Array.from({ length: count }, (_, i) => i + seed);
    const feature: Feature = path.endsWith("terminate_episode")
      ? { kind: "int64", values: BigInt64Array.from(values, BigInt) }
      : { kind: "float", values: Float32Array.from(values) };
    features.set(`steps/${path}`, feature);
  }
  change(features);
  return encodeExample(features);
}

/** Writes a dataset of these shards into `<folder>/fractal20220817_data/0.1.0`. */
export async function writeRldsDataset(folder: string, shards: readonly (readonly Uint8Array[])[]): Promise<void> {
  const version = join(folder, "fractal20220817_data", "0.1.0");
  mkdirSync(version, { recursive: true });
  const action = Object.fromEntries(Object.entries(WIDTHS).map(([name, width]) => [name, tensor(name === "terminate_episode" ? "int32" : "float32", width)])); // prettier-ignore
  const observation = {
    image: { image: { shape: { dimensions: [String(HEIGHT), String(WIDTH), "3"] }, dtype: "uint8" } },
  };
  const steps = dict({ observation: dict(observation), action: dict(action), reward: tensor("float32") });
  writeFileSync(join(version, "features.json"), JSON.stringify(dict({ steps: { sequence: { feature: steps } } })));
  const info = {
    name: "fractal20220817_data",
    version: "0.1.0",
    fileFormat: "tfrecord",
    splits: [{ name: "train", shardLengths: shards.map((records) => String(records.length)) }],
  };
  writeFileSync(join(version, "dataset_info.json"), JSON.stringify(info));
  for (const [i, records] of shards.entries()) await writeTfRecords(rldsShardFile(folder, i, shards.length), records);
}

/** The file of a shard. */
export function rldsShardFile(folder: string, i: number, count: number): string {
  const five = (value: number): string => String(value).padStart(5, "0");
  const name = `fractal20220817_data-train.tfrecord-${five(i)}-of-${five(count)}`;
  return join(folder, "fractal20220817_data", "0.1.0", name);
}
