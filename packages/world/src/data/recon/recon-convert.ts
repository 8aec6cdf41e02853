// Turns RECON's released hdf5 files into NoMaD's layout: per trajectory a folder with `0.jpg`, ... and `traj_data.pkl`.
// A trajectory's folder is there as a whole or not at all.
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { decodeImage, encodeImage, FormatError } from "@vid2world/formats";
import { openHdf5, type Hdf5File } from "@vid2world/formats/hdf5";
import type { ConversionOptions, ConversionReport } from "../conversion.js";
import { TRAJECTORY_FILE, trajectoryBytes, type TrajectoryArrays } from "./trajectory-file.js";

const ENDING = ".hdf5";
const IMAGES = "images/rgb_left";
const [WIDTH, HEIGHT] = [640, 480];
/** What Pillow encodes JPEG with where nobody says otherwise, as in the published script. */
const JPEG_QUALITY = 75;

/** Options of converting RECON. */
export interface ConvertReconOptions extends ConversionOptions {
  /**
   * `reencode` (default): pictures are decoded and encoded again at quality 75, which gives the pixels of the published
   * data. `copy`: the release's own JPEG bytes, a better picture, but not the published one.
   */
  readonly images?: "reencode" | "copy";
}

/** Converts all hdf5 files of `input` (or of its folder `recon_release`). Finished trajectories of an earlier run are kept. */
export async function convertRecon(options: ConvertReconOptions): Promise<ConversionReport> {
  const { input, output, strict = false, images = "reencode", onProgress, signal } = options;
  const originals = await findOriginals(input);
  const total = originals.reduce((sum, { bytes }) => sum + bytes, 0);
  await mkdir(output, { recursive: true });
  const report = { written: 0, kept: 0, problems: [] as Error[] };
  let done = 0;
  for (const { file, bytes } of originals) {
    signal?.throwIfAborted();
    const name = basename(file).slice(0, -ENDING.length);
    if (await isFolder(join(output, name))) {
      report.kept++;
    } else {
      try {
        await convertTrajectory(file, output, name, images, signal);
        report.written++;
      } catch (error) {
        if (strict || !(error instanceof FormatError)) throw error;
        report.problems.push(error);
      }
    }
    done += bytes;
    onProgress?.({ total, done, item: name });
  }
  return report;
}

async function convertTrajectory(
  file: string,
  output: string,
  name: string,
  images: "reencode" | "copy",
  signal: AbortSignal | undefined,
): Promise<void> {
  const partial = join(output, `.${name}.partial`);
  await rm(partial, { recursive: true, force: true }); // of a run that was killed
  using original = await openHdf5(file);
  const poses = readPoses(original, file);
  await mkdir(partial);
  try {
    for (let i = 0; i < poses.position.length / 2; i++) {
      signal?.throwIfAborted();
      await writeFile(join(partial, `${i}.jpg`), await readPicture(original, file, i, images));
    }
    await writeFile(join(partial, TRAJECTORY_FILE), trajectoryBytes(poses));
    await rename(partial, join(output, name));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

function readPoses(original: Hdf5File, file: string): TrajectoryArrays {
  const [pictures = 0] = original.shape(IMAGES);
  const position = original.numbers("jackal/position");
  const yaw = original.numbers("jackal/yaw");
  const [poses = 0, columns = 0] = position.shape;
  if (position.shape.length !== 2 || columns < 2) {
    throw new FormatError(file, `dataset "jackal/position": expected [T 3], found [${position.shape.join(" ")}]`);
  }
  if (yaw.data.length !== poses || pictures !== poses || poses === 0) {
    const found = `${pictures} pictures, ${poses} positions and ${yaw.data.length} yaws`;
    throw new FormatError(file, `${found}; there must be as many of each`);
  }
  const flat = new Float64Array(poses * 2);
  for (let i = 0; i < poses; i++) {
    flat[i * 2] = Number(position.data[i * columns]);
    flat[i * 2 + 1] = Number(position.data[i * columns + 1]);
  }
  return { position: flat, yaw: Float64Array.from(yaw.data as ArrayLike<number>, Number), yawShape: yaw.shape };
}

async function readPicture(
  original: Hdf5File,
  file: string,
  i: number,
  images: "reencode" | "copy",
): Promise<Uint8Array> {
  const bytes = original.bytes(IMAGES, i);
  const picture = await decodeImage(bytes, `${file}, dataset "${IMAGES}"[${i}]`);
  if (picture.width !== WIDTH || picture.height !== HEIGHT) {
    const size = `${picture.width}x${picture.height}`;
    throw new FormatError(file, `dataset "${IMAGES}"[${i}]: expected ${WIDTH}x${HEIGHT}, found ${size}`);
  }
  return images === "copy" ? bytes : encodeImage(picture, "jpg", { quality: JPEG_QUALITY });
}

async function findOriginals(input: string): Promise<{ readonly file: string; readonly bytes: number }[]> {
  const folder = (await isFolder(join(input, "recon_release"))) ? join(input, "recon_release") : input;
  const files = (await isFolder(folder)) ? (await readdir(folder)).sort().map((name) => join(folder, name)) : [folder];
  const originals = files.filter((file) => file.endsWith(ENDING) && !basename(file).startsWith("."));
  if (originals.length === 0) throw new FormatError(folder, "holds no .hdf5 file");
  return Promise.all(originals.map(async (file) => ({ file, bytes: (await stat(file)).size })));
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
