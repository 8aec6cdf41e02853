// The Hugging Face hub: which address, size and checksum a file of a repository has. Listing and cache names are those of its own client.
import { setTimeout as sleep } from "node:timers/promises";

import type { HubOrigin } from "./manifest.js";
import { statusError, type Expected } from "./download.js";
import { WeightsError } from "./weights-error.js";

/** How the hub is reached. */
export interface HubAccess {
  /** `https://huggingface.co`, or a mirror with the same layout. */
  readonly endpoint: string;
  readonly token?: string;
  readonly fetch?: typeof fetch;
  /** As those of a download. */
  readonly retries?: number;
  readonly retryDelay?: number;
}

/** A file that was found: where it is and what the hub says about it. */
export interface Located extends Expected {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Access as the environment says: `HF_ENDPOINT`, `HF_TOKEN`. */
export function hubAccess(env: NodeJS.ProcessEnv = process.env): HubAccess {
  const endpoint = (env["HF_ENDPOINT"] ?? "").replace(/\/+$/, "") || "https://huggingface.co";
  const token = env["HF_TOKEN"] ?? "";
  return { endpoint, ...(token !== "" && { token }) };
}

/** Finds a file. A mirror without the hub's listing is fine where the manifest knows the path. */
export async function locateOnHub(origin: HubOrigin, access: HubAccess): Promise<Located> {
  const entries = await listRepository(origin, access).catch((error: unknown) => {
    if (origin.path !== undefined && error instanceof WeightsError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
  const headers = authorization(access);
  if (entries === undefined) return { url: resolveUrl(origin, origin.path ?? "", access), headers };
  const entry = choose(origin, entries, access);
  const sha256 = entry.lfs?.oid;
  return { url: resolveUrl(origin, entry.path, access), headers, size: entry.size, ...(sha256 && { sha256 }) };
}

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly lfs?: { readonly oid: string };
}

async function listRepository({ repository, revision }: HubOrigin, access: HubAccess): Promise<Entry[]> {
  const { listFiles, HubApiError } = await import("@huggingface/hub");
  // The client takes only tokens of the hub's own form; a mirror's go through the header.
  const authorized: typeof fetch = (input, init) =>
    persistent(input, { ...init, headers: { ...(init?.headers as object), ...authorization(access) } }, access);
  const entries: Entry[] = [];
  try {
    const files = listFiles({
      repo: repository,
      revision,
      recursive: true,
      hubUrl: access.endpoint,
      fetch: authorized,
    });
    for await (const entry of files) if (entry.type === "file") entries.push(entry);
  } catch (error) {
    if (error instanceof HubApiError) throw statusError(`${access.endpoint}/${repository}`, error.statusCode);
    const way = "without a network, take files that you have with --from FOLDER; with a mirror, set HF_ENDPOINT";
    throw new WeightsError("OFFLINE", `${access.endpoint}: cannot be reached; ${way}`, { cause: error });
  }
  return entries;
}

/** `fetch`, again while the server is at fault. */
async function persistent(
  input: string | URL | Request,
  init: RequestInit,
  { fetch: fetcher = fetch, retries = 3, retryDelay = 1000 }: HubAccess,
): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    const response = await fetcher(input, init);
    if ((response.status < 500 && response.status !== 429) || attempt === retries) return response;
    await response.body?.cancel();
    await sleep(retryDelay * 2 ** attempt);
  }
}

function choose({ repository, path, ending }: HubOrigin, entries: readonly Entry[], { endpoint }: HubAccess): Entry {
  const fitting = entries.filter((entry) => (path === undefined ? entry.path.endsWith(ending) : entry.path === path));
  // A repository may have been tidied up since the manifest was written: one file of the kind is meant all the same.
  const candidates = fitting.length > 0 ? fitting : entries.filter((entry) => entry.path.endsWith(ending));
  const [entry, ...others] = candidates;
  if (entry && others.length === 0) return entry;
  const wanted = path ?? `one file that ends in ${ending}`;
  const found = candidates.length > 0 ? candidates.map((each) => each.path).join(", ") : "none";
  const way = "download the right one by hand and give its folder with --from";
  throw new WeightsError("NOT_FOUND", `${endpoint}/${repository}: expected ${wanted}, found ${found}; ${way}`);
}

const resolveUrl = ({ repository, revision }: HubOrigin, path: string, { endpoint }: HubAccess): string =>
  `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path.split("/").map(encodeURIComponent).join("/")}`;

/** `fetch` drops this header when it follows a redirect to another host, where the token is nobody's business. */
const authorization = ({ token }: HubAccess): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };
