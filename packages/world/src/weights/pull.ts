// Gets one file of the manifest: it is there already, lies elsewhere on this machine, or is downloaded.
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { getHFHubCachePath } from "@huggingface/hub";
import { unzip } from "@vid2world/formats/unzip";

import { findIn, takeOver } from "./adopt.js";
import { sha256Of } from "./checksum.js";
import { download, type DownloadOptions, type Expected } from "./download.js";
import { hubAccess, locateOnHub, type HubAccess, type Located } from "./hub.js";
import { withLock } from "./lock.js";
import { originPage, type WeightFile } from "./manifest.js";
import { type Receipt, writeReceipt } from "./receipt.js";
import { weightPath, weightsRoot } from "./root.js";
import { WeightsError, type WeightsFault } from "./weights-error.js";

/** How files are got. */
export interface PullOptions extends Pick<
  DownloadOptions,
  "retries" | "retryDelay" | "signal" | "onProgress" | "fetch"
> {
  /** The weights folder. */
  readonly root?: string;
  /** Take the file from this folder, and never from the network. */
  readonly from?: string;
  /** Get it again although it is there. */
  readonly force?: boolean;
  /** The hub's own cache, looked into before anything is downloaded; absent: where the hub's clients keep it. */
  readonly hubCache?: string;
  readonly hub?: HubAccess;
  readonly env?: NodeJS.ProcessEnv;
}

/** How a file came, and where it is. */
export interface Pulled {
  readonly path: string;
  readonly how: "was there" | "linked" | "copied" | "downloaded";
  readonly size: number;
  /** Absent, with what it was compared with, for a file that was there: `verifyWeights` reads it. */
  readonly sha256?: string;
  readonly checkedAgainst?: Receipt["checkedAgainst"];
}

/**
 * Makes sure that `file` is in the weights folder; an archive that is to be unpacked is unpacked beside itself, too.
 * @throws WeightsError, and then nothing incomplete or wrong is under the final name.
 */
export async function pullWeights(file: WeightFile, options: PullOptions = {}): Promise<Pulled> {
  const pulled = await getFile(file, options);
  if (file.unpack === true) await withLock(pulled.path, () => unzip(pulled.path, dirname(pulled.path)));
  return pulled;
}

async function getFile(file: WeightFile, options: PullOptions): Promise<Pulled> {
  const path = weightPath(file, options.root ?? weightsRoot(options.env));
  const there = await stat(path).catch(() => undefined);
  const fits = there !== undefined && (file.size === undefined || file.size === there.size);
  if (fits && options.force !== true) return { path, how: "was there", size: there.size };
  return withLock(path, async () => {
    if (options.from !== undefined) return adopt(file, path, options.from, options);
    const cache = options.hubCache ?? getHFHubCachePath();
    if (file.origin.kind === "hub" && (await findIn(file, cache)) !== undefined)
      return adopt(file, path, cache, options);
    return fetchFile(file, path, options);
  });
}

async function adopt(
  file: WeightFile,
  path: string,
  folder: string,
  { onProgress, signal }: PullOptions,
): Promise<Pulled> {
  const source = await findIn(file, folder);
  if (source === undefined) {
    const size = file.size === undefined ? "" : ` of ${file.size} bytes`;
    const way = `put it there as ${file.destination} (it comes from ${originPage(file)})`;
    throw new WeightsError("MISSING", `weights ${file.name}: no file${size} for it in ${folder}; ${way}`);
  }
  const { size } = await stat(source);
  let read = 0;
  const sha256 = await sha256Of(source, (count) => onProgress?.((read += count), size), signal);
  if (file.sha256 !== undefined && sha256 !== file.sha256) {
    throw new WeightsError(
      "CHECKSUM",
      `${source}: the file's SHA-256 is ${sha256}, expected ${file.sha256}; it was not taken over`,
    );
  }
  const how = await takeOver(source, path);
  const checkedAgainst = file.sha256 === undefined ? "nothing" : "manifest";
  await writeReceipt(path, { from: source, size, sha256, checkedAgainst });
  return { path, how, size, sha256, checkedAgainst };
}

/** Faults of one address that another address need not have. */
const NEXT_ADDRESS: ReadonlySet<WeightsFault> = new Set(["NOT_FOUND", "SERVER", "OFFLINE", "REFUSED", "CHECKSUM"]);

async function fetchFile(file: WeightFile, path: string, options: PullOptions): Promise<Pulled> {
  const env = options.env ?? process.env;
  if (/^(1|true|yes|on)$/i.test(env["HF_HUB_OFFLINE"] ?? "")) {
    const way = "unset it, or take files that you have with --from FOLDER";
    throw new WeightsError("OFFLINE", `weights ${file.name}: HF_HUB_OFFLINE forbids the network; ${way}`);
  }
  const faults: WeightsError[] = [];
  for (const locate of addresses(file, options)) {
    try {
      const { url, headers, ...told } = await locate();
      const expected: Expected = { size: file.size ?? told.size, sha256: file.sha256 ?? told.sha256 };
      const got = await download(url, path, expected, { ...options, headers });
      const checkedAgainst = file.sha256 !== undefined ? "manifest" : told.sha256 !== undefined ? "hub" : "nothing";
      await writeReceipt(path, { from: url, ...got, checkedAgainst });
      return { path, how: "downloaded", ...got, checkedAgainst };
    } catch (error) {
      if (!(error instanceof WeightsError) || !NEXT_ADDRESS.has(error.code)) throw error;
      faults.push(error);
    }
  }
  const [first, ...others] = faults;
  if (!first) throw new WeightsError("NOT_FOUND", `weights ${file.name}: the manifest names no address`);
  const more = others.map(({ message }) => `\n  and ${message}`).join("");
  throw new WeightsError(first.code, `weights ${file.name}: ${first.message}${more}`, { cause: first });
}

function addresses({ origin }: WeightFile, options: PullOptions): (() => Promise<Located>)[] {
  const { fetch, retries, retryDelay } = options;
  const access: HubAccess = {
    ...(options.hub ?? hubAccess(options.env)),
    ...(fetch && { fetch }),
    ...(retries !== undefined && { retries }),
    ...(retryDelay !== undefined && { retryDelay }),
  };
  if (origin.kind === "hub") return [() => locateOnHub(origin, access)];
  return origin.urls.map((url) => () => Promise.resolve({ url, headers: {} }));
}
