// One file over HTTP: resumed where an earlier attempt ended, tried again while the server is at fault, checked before it gets its name.
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { PartialFile } from "./partial-file.js";
import { WeightsError } from "./weights-error.js";

/** What is known about the file beforehand. */
export interface Expected {
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
}

/** How a download behaves. */
export interface DownloadOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Attempts after the first that may fail for a reason that passes: 5xx, 429, a broken connection. */
  readonly retries?: number;
  /** Milliseconds before the second attempt; doubled for each further one. */
  readonly retryDelay?: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that are there, and of how many. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  readonly fetch?: typeof fetch;
}

/** What came. */
export interface Downloaded {
  readonly size: number;
  readonly sha256: string;
}

/** Free bytes that are left alone. */
const RESERVE = 64 * 2 ** 20;

/** The reason passes by itself: try again. */
class PassingFault extends Error {}

/**
 * Downloads `url` to `destination`.
 * @throws WeightsError: nothing is under the final name then. A part that can be continued stays under the temporary one.
 */
export async function download(
  url: string,
  destination: string,
  expected: Expected = {},
  options: DownloadOptions = {},
): Promise<Downloaded> {
  const { retries = 5, retryDelay = 1000, signal } = options;
  const partial = await PartialFile.open(destination, signal);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await continueDownload(url, destination, partial, expected, options);
        break;
      } catch (error) {
        if (!(error instanceof PassingFault)) throw error;
        if (attempt === retries) throw exhausted(url, partial, error);
        await sleep(retryDelay * 2 ** attempt, undefined, signal && { signal });
      }
    }
  } catch (error) {
    await (partial.bytes > 0 ? partial.close() : partial.discard());
    throw error;
  }
  const sha256 = partial.sha256();
  if (expected.sha256 !== undefined && sha256 !== expected.sha256) {
    await partial.discard();
    throw new WeightsError(
      "CHECKSUM",
      `${url}: the file's SHA-256 is ${sha256}, expected ${expected.sha256}; nothing was kept`,
    );
  }
  const size = partial.bytes;
  await partial.finish();
  return { size, sha256 };
}

async function continueDownload(
  url: string,
  destination: string,
  partial: PartialFile,
  expected: Expected,
  { headers, signal, onProgress, fetch: fetcher = fetch }: DownloadOptions,
): Promise<void> {
  // Without a checksum to have the last word, only the same address may go on with what is there.
  const continues = expected.sha256 !== undefined || partial.url === url;
  if (!continues || partial.bytes > (expected.size ?? Infinity)) await partial.restart();
  if (expected.size !== undefined && partial.bytes === expected.size) return;
  // `identity`: the bytes of the file itself, or its length and ranges would be those of something compressed.
  const request = { ...headers, "accept-encoding": "identity", ...rangeOf(partial) };
  let response: Response;
  try {
    response = await fetcher(url, { headers: request, redirect: "follow", ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    throw new PassingFault(reasonOf(error), { cause: error });
  }
  const total = await accept(url, response, partial, expected);
  if (total === "complete") return;
  if (total !== undefined) await requireSpace(destination, total - partial.bytes);
  const etag = response.headers.get("etag");
  await partial.identify(url, etag !== null && !etag.startsWith("W/") ? etag : undefined);
  onProgress?.(partial.bytes, total);
  try {
    for await (const piece of response.body ?? []) {
      await partial.append(piece as Uint8Array);
      onProgress?.(partial.bytes, total);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw noSpace(destination, error);
    throw new PassingFault(`the connection broke: ${reasonOf(error)}`, { cause: error });
  }
  if (total !== undefined && partial.bytes < total)
    throw new PassingFault(`it ended after ${partial.bytes} of ${total} bytes`);
}

function rangeOf(partial: PartialFile): Record<string, string> {
  if (partial.bytes === 0) return {};
  return { range: `bytes=${partial.bytes}-`, ...(partial.etag !== undefined && { "if-range": partial.etag }) };
}

/** Looks at the head of an answer: the file's whole size if it is told, or "complete" where no bytes are missing. */
async function accept(
  url: string,
  response: Response,
  partial: PartialFile,
  expected: Expected,
): Promise<number | undefined | "complete"> {
  const { status } = response;
  if (status !== 200 && status !== 206) await response.body?.cancel();
  if (status === 416) {
    const whole = Number(/\*\/(\d+)/.exec(response.headers.get("content-range") ?? "")?.[1] ?? NaN);
    if (whole === partial.bytes && expected.sha256 !== undefined) return "complete";
    await partial.restart();
    throw new PassingFault("what was there is not the beginning of this file");
  }
  if (status === 429 || status >= 500) throw new PassingFault(`the server answered ${status}`);
  if (status !== 200 && status !== 206) throw statusError(url, status);
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (status === 200) await partial.restart();
  else if (Number(range?.[1]) !== partial.bytes) {
    await response.body?.cancel();
    await partial.restart();
    throw new PassingFault("the server sent another part than was asked for");
  }
  const told = status === 206 ? range?.[2] : response.headers.get("content-length");
  const total = told === undefined || told === null || told === "*" ? undefined : Number(told);
  if (total !== undefined && expected.size !== undefined && total !== expected.size) {
    await response.body?.cancel();
    await partial.restart();
    throw new WeightsError(
      "SERVER",
      `${url}: the server offers ${total} bytes, expected ${expected.size}; it is another file`,
    );
  }
  return total ?? expected.size;
}

/** What a status that does not pass means for the user. */
export function statusError(url: string, status: number): WeightsError {
  if (status === 401 || status === 403) {
    const way =
      "if its terms have to be accepted or it is private, set HF_TOKEN to the token of an account that may read it";
    return new WeightsError("REFUSED", `${url}: the server answered ${status}; ${way}`);
  }
  if (status === 404 || status === 410) {
    return new WeightsError("NOT_FOUND", `${url}: the server answered ${status}; the file is not there (any more)`);
  }
  return new WeightsError("SERVER", `${url}: the server answered ${status}`);
}

async function requireSpace(destination: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(destination));
  if (bavail * bsize >= bytes + RESERVE) return;
  const gigabytes = (count: number): string => `${(count / 1e9).toFixed(2)} GB`;
  const way = "free some, or set VID2WORLD_WEIGHTS to a folder on another disk";
  throw new WeightsError(
    "NO_SPACE",
    `${dirname(destination)}: ${gigabytes(bavail * bsize)} are free, ${gigabytes(bytes + RESERVE)} are needed; ${way}`,
  );
}

function noSpace(destination: string, cause: unknown): WeightsError {
  return new WeightsError(
    "NO_SPACE",
    `${destination}: the disk is full; what came so far is kept and will be continued`,
    { cause },
  );
}

function exhausted(url: string, partial: PartialFile, fault: PassingFault): WeightsError {
  const kept = partial.bytes > 0 ? `; ${partial.bytes} bytes are kept, the same command goes on from there` : "";
  const offline = fault.cause !== undefined && partial.bytes === 0;
  const way = offline ? "; without a network, take files that you have with --from FOLDER" : "";
  return new WeightsError(offline ? "OFFLINE" : "SERVER", `${url}: ${fault.message}${kept}${way}`, { cause: fault });
}

/** What lies under "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error
    ? `${message} (${cause.message || (cause as NodeJS.ErrnoException).code || "no reason given"})`
    : message;
}
