// Inputs for measuring conversions, as large as one likes: a few pictures in the layouts of the releases, repeated.
import { mkdir, open, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeImage, writeFully } from "@vid2world/formats";
import { encodeExample, type Feature } from "@vid2world/formats/tfrecord/example";
import { frameTfRecord } from "@vid2world/formats/tfrecord/tfrecord";
import { startPyTorch } from "./python.js";
import { writePictures } from "./run-loader.js";

/** Writes one archive of CS:GO with files of 130 MB, as in the release. -> its bytes */
export async function makeCsgoArchive(folder: string, bytes: number): Promise<number> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, "hdf5_dm_july2021_1_to_200.tar");
  const episodeBytes = Math.min(130e6, Math.floor(bytes / 2 / 512) * 512);
  const piece = Buffer.alloc(2 ** 20, 7);
  const handle = await open(file, "w");
  try {
    for (let number = 1; number * episodeBytes <= bytes; number++) {
      await writeFully(handle, tarHeader(`hdf5_dm_july2021_${number}.hdf5`, episodeBytes));
      await writeFully(handle, HDF5_SIGNATURE);
      for (let left = episodeBytes - HDF5_SIGNATURE.length; left > 0; left -= piece.length) {
        await writeFully(handle, piece.subarray(0, Math.min(left, piece.length)));
      }
      await writeFully(handle, Buffer.alloc((512 - (episodeBytes % 512)) % 512));
    }
    await writeFully(handle, Buffer.alloc(1024));
  } finally {
    await handle.close();
  }
  return (await stat(file)).size;
}

const HDF5_SIGNATURE = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0        0", 136); // time, and blanks where the checksum comes
  header.write("ustar\0" + "00", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

const STEPS = 45;
const ACTION: readonly (readonly [name: string, width: number, dtype: string])[] = [
  ["base_displacement_vector", 2, "float32"],
  ["base_displacement_vertical_rotation", 1, "float32"],
  ["gripper_closedness_action", 1, "float32"],
  ["rotation_delta", 3, "float32"],
  ["terminate_episode", 3, "int32"],
  ["world_vector", 3, "float32"],
];

/** Writes a dataset of robot episodes with one shard. -> the shard's bytes */
export async function makeRldsShard(folder: string, bytes: number): Promise<number> {
  const version = path.join(folder, "fractal20220817_data", "0.1.0");
  await mkdir(version, { recursive: true });
  const record = frameTfRecord(await episode());
  const count = Math.max(1, Math.round(bytes / record.length));
  const file = path.join(version, "fractal20220817_data-train.tfrecord-00000-of-00001");
  const handle = await open(file, "w");
  try {
    for (let i = 0; i < count; i++) await writeFully(handle, record);
  } finally {
    await handle.close();
  }
  const dict = (features: object): object => ({ featuresDict: { features } });
  const tensor = (dtype: string, ...dimensions: number[]): object => {
    return { tensor: { shape: { dimensions: dimensions.map(String) }, dtype, encoding: "none" } };
  };
  const image = { image: { shape: { dimensions: ["256", "320", "3"] }, dtype: "uint8" } };
  const action = dict(Object.fromEntries(ACTION.map(([name, width, dtype]) => [name, tensor(dtype, width)])));
  const steps = dict({ observation: dict({ image }), action, reward: tensor("float32") });
  await writeFile(
    path.join(version, "features.json"),
    JSON.stringify(dict({ steps: { sequence: { feature: steps } } })),
  );
  const splits = [{ name: "train", shardLengths: [String(count)] }];
  const info = { name: "fractal20220817_data", version: "0.1.0", fileFormat: "tfrecord", splits };
  await writeFile(path.join(version, "dataset_info.json"), JSON.stringify(info));
  return (await stat(file)).size;
}

async function episode(): Promise<Uint8Array> {
  const pictures = await Promise.all(
    Array.from({ length: STEPS }, (_, t) => {
      const data_HWC = Uint8Array.from({ length: 256 * 320 * 3 }, (_, i) => {
        const [x, y] = [(i / 3) % 320, i / 960];
        return 128 + 60 * Math.sin((x + 3 * t) / 17) + 40 * Math.cos(y / 11) + ((i * 7919) % 13);
      });
      return encodeImage({ data_HWC, height: 256, width: 320 }, "jpg", { quality: 95 });
    }),
  );
  const features = new Map<string, Feature>([["steps/observation/image", { kind: "bytes", values: pictures }]]);
  for (const [name, width, dtype] of ACTION) {
    const values = Array.from({ length: width * STEPS }, (_, i) => i % 2);
    features.set(
      `steps/action/${name}`,
      dtype === "int32"
        ? { kind: "int64", values: BigInt64Array.from(values, BigInt) }
        : { kind: "float", values: Float32Array.from(values) },
    );
  }
  return encodeExample(features);
}

/** Writes files of RECON's release, by h5py. -> their bytes */
export async function makeReconRelease(folder: string, bytes: number): Promise<number> {
  await mkdir(folder, { recursive: true });
  const source = path.join(folder, "pictures.npy");
  await writePictures(source);
  await using maker = startPyTorch(1);
  const frames = 70;
  const request = { request: "make-data", domain: "recon-release", folder, source, frames, seed: 0 } as const;
  await maker.ask({ ...request, episodes: 1 });
  const one = (await stat(path.join(folder, "jackal_0.hdf5"))).size;
  const episodes = Math.max(1, Math.round(bytes / one));
  await maker.ask({ ...request, episodes });
  return one * episodes;
}
