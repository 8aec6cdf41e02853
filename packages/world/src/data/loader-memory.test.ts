// That reading clips again and again takes no more memory and leaves no file open: h5wasm's heap, zlib's and libvips' buffers included.
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { readClipInto } from "./clip-files.js";
import { convertCsgo } from "./csgo/csgo-convert.js";
import { openTrainingClips, type DomainPlace } from "./open-dataset.js";
import { example, temporaryFolder } from "./testing/oracle.js";

const folder = temporaryFolder();
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const [WARM_UP, READS] = [60, 300];
/** Measured: 0 to 10 MB, whatever the number of reads. One frame of CS:GO kept per clip would be 38 MB, one file of RT-1 500 MB. */
const ALLOWED = 25 * 2 ** 20;

const [tar, npz, recon] = [
  example("formats/csgo_tar/hdf5_dm_july2021_1_to_200.tar"),
  example("formats/expected/train_eps_00000000.npz"),
  example("formats/recon_processed/jackal_2019-08-02-16-20-11_0_r00"),
];

test
  .skipIf(process.platform !== "linux" || tar === undefined || npz === undefined || recon === undefined)
  .each(["rt1", "csgo", "recon"] as const)(
  "memory and open files stay as they are over hundreds of reads of %s",
  async (domain) => {
    const place: DomainPlace = { domain, folder: join(folder, domain), height: 96, width: 160 };
    if (domain === "csgo") await convertCsgo({ input: tar ?? "", output: place.folder });
    else mkdirSync(place.folder);
    if (domain === "rt1") symlinkSync(npz ?? "", join(place.folder, "train_eps_00000000.npz"));
    if (domain === "recon") symlinkSync(recon ?? "", join(place.folder, "a"));
    const dataset = await openTrainingClips(place, { frames: 2 });
    const target_THWC = new Uint8Array(new SharedArrayBuffer(2 * 96 * 160 * 3));
    const read = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const { episode, start } = dataset.clip(i % dataset.length);
        await readClipInto(episode.files, { start, frames: 2, stride: 1 }, target_THWC);
      }
      collectGarbage();
    };
    await read(WARM_UP);
    const before = { resident: residentBytes(), files: openFiles() };
    await read(READS);
    expect(openFiles()).toBeLessThanOrEqual(before.files);
    expect(residentBytes() - before.resident).toBeLessThan(ALLOWED);
  },
);

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}
