// Unpacks the released CS:GO archives `hdf5_dm_july2021_<a>_to_<b>.tar` into `full_res/<a>-<b>/`, one hdf5 file per episode.
// Archives are streamed, so that memory does not depend on their size; every file is complete under its name or absent.
import { mkdir, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError, writeAtomically, writeFully } from "@vid2world/formats";
import { readTar, type TarEntry } from "@vid2world/formats/tar";
import type { ConversionOptions, ConversionReport } from "../conversion.js";
import { removeStale } from "../stale-files.js";

const ARCHIVE = /^hdf5_dm_july2021_(\d+)_to_(\d+)\.tar$/;
const EPISODE = /\.hdf5$/;
const HDF5_SIGNATURE = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");

/** Unpacks all archives of `input` into `output`/full_res. What an earlier, interrupted run finished is kept. */
export async function convertCsgo(options: ConversionOptions): Promise<ConversionReport> {
  const { input, output, strict = false, onProgress, signal } = options;
  const archives = await findArchives(input);
  const total = archives.reduce((sum, { bytes }) => sum + bytes, 0);
  const report = { written: 0, kept: 0, problems: [] as Error[] };
  const give = (problem: Error): void => {
    if (strict) throw problem;
    report.problems.push(problem);
  };
  let before = 0;
  for (const { file, bytes } of archives) {
    signal?.throwIfAborted();
    const [, first, last] = ARCHIVE.exec(basename(file)) ?? [];
    const folder = join(output, "full_res", `${first}-${last}`);
    await mkdir(folder, { recursive: true });
    await removeStale(folder);
    const tell = (read: number, item: string): void => onProgress?.({ total, done: before + read, item });
    try {
      await unpack(file, folder, { report, give, tell, ...(signal && { signal }) });
    } catch (error) {
      if (strict || !(error instanceof FormatError)) throw error;
      give(error);
    }
    before += bytes;
    tell(0, basename(file));
  }
  return report;
}

interface Unpacking {
  readonly report: { written: number; kept: number };
  readonly give: (problem: Error) => void;
  readonly tell: (read: number, item: string) => void;
  readonly signal?: AbortSignal;
}

async function unpack(file: string, folder: string, unpacking: Unpacking): Promise<void> {
  const { report, give, tell } = unpacking;
  const names = new Set<string>();
  for await (const entry of readTar(file, unpacking)) {
    if (entry.kind === "directory") continue;
    const name = basename(entry.name);
    const problem = refusal(entry) ?? (names.has(name) ? "occurs twice" : undefined);
    if (problem !== undefined) {
      give(new FormatError(file, `entry "${entry.name}": ${problem}; left out`));
      continue;
    }
    names.add(name);
    const target = join(folder, name);
    if ((await sizeOf(target)) === entry.size) {
      report.kept++;
    } else if (await writeEpisode(target, entry)) {
      report.written++;
    } else {
      give(new FormatError(file, `entry "${entry.name}": is no HDF5 file; left out`));
    }
    tell(entry.archiveBytes, name);
  }
}

/** False (and nothing written) if the content does not begin as an HDF5 file does. */
async function writeEpisode(target: string, { content, size }: TarEntry): Promise<boolean> {
  const chunks = content[Symbol.asyncIterator]();
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => chunks };
  let head = Buffer.alloc(0);
  while (head.length < HDF5_SIGNATURE.length) {
    const next = await chunks.next();
    if (next.done === true) return false;
    head = Buffer.concat([head, next.value]);
  }
  if (!head.subarray(0, HDF5_SIGNATURE.length).equals(HDF5_SIGNATURE)) {
    for await (const chunk of rest) void chunk;
    return false;
  }
  await writeAtomically(target, async (handle) => {
    let written = head.length;
    await writeFully(handle, head);
    for await (const chunk of rest) {
      written += chunk.length;
      await writeFully(handle, chunk);
    }
    if (written !== size) throw new FormatError(target, `${size} bytes are announced, ${written} came`);
  });
  return true;
}

/** Why an entry may not be written: a name that leaves the folder, or anything but an ordinary file. */
function refusal({ name, kind, target }: TarEntry): string | undefined {
  if (kind === "link") return `is a link to "${target ?? ""}"`;
  if (kind !== "file") return "is no ordinary file";
  if (name.startsWith("/") || /^[a-z]:|\\/i.test(name)) return "has an absolute path or one of another system";
  if (name.split("/").includes("..")) return "leaves the folder";
  return EPISODE.test(name) && !basename(name).startsWith(".") ? undefined : "is no .hdf5 file";
}

async function findArchives(input: string): Promise<{ readonly file: string; readonly bytes: number }[]> {
  const isFolder = (await stat(input)).isDirectory();
  const files = isFolder ? (await readdir(input)).map((name) => join(input, name)) : [input];
  const archives = files.filter((file) => ARCHIVE.test(basename(file)));
  if (archives.length === 0) {
    throw new FormatError(input, "holds no archive named as in the release: hdf5_dm_july2021_1_to_200.tar");
  }
  const first = (file: string): number => Number(ARCHIVE.exec(basename(file))?.[1]);
  archives.sort((a, b) => first(a) - first(b));
  return Promise.all(archives.map(async (file) => ({ file, bytes: (await stat(file)).size })));
}

async function sizeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}
