// A small stand-in for the hub and its storage, for tests: files with ranges and entity tags, redirects, faults on order.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What one path answers. */
export interface Served {
  readonly body?: Uint8Array;
  /** Entity tag; absent: none is sent. */
  readonly etag?: string;
  /** Answer this instead. */
  readonly status?: number;
  /** Send on to this address. */
  readonly redirect?: string;
  /** Answer 503 this many times first. */
  busy?: number;
  /** Cut the connection after this many bytes of the first answers: one entry per answer. */
  readonly cuts?: number[];
  /** Ignore ranges, as simple servers do. */
  readonly wholeOnly?: boolean;
}

/** A request that came. */
export interface Seen {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

/** A running server. */
export interface HubServer {
  readonly url: string;
  readonly seen: Seen[];
  readonly paths: Map<string, Served>;
  /** Adds a repository: its listing with sizes and checksums, and its files. */
  addRepository(name: string, files: Record<string, Uint8Array>): void;
  close(): Promise<void>;
}

/** Starts a server on a free port of this machine. */
export async function startHubServer(): Promise<HubServer> {
  const seen: Seen[] = [];
  const paths = new Map<string, Served>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const { range, authorization } = request.headers;
    seen.push({ path, range, authorization, ifRange: request.headers["if-range"] as string | undefined });
    answer(paths.get(path), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const addRepository = (name: string, files: Record<string, Uint8Array>): void => {
    const listing = Object.entries(files).map(([path, body]) => ({
      type: "file",
      oid: "0",
      ...{ path, size: body.length, lfs: { oid: sha256(body), size: body.length, pointerSize: 130 } },
    }));
    const tree = Buffer.from(JSON.stringify(listing));
    for (const query of ["?recursive=true&expand=false", "?recursive=true"])
      paths.set(`/api/models/${name}/tree/main${query}`, { body: tree });
    for (const [path, body] of Object.entries(files)) {
      paths.set(`/${name}/resolve/main/${path.split("/").map(encodeURIComponent).join("/")}`, {
        body,
        etag: `"${sha256(body)}"`,
      });
    }
  };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, seen, paths, addRepository, close };
}

function answer(served: Served | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (!served) return void response.writeHead(404).end();
  if ((served.busy ?? 0) > 0) {
    served.busy = (served.busy ?? 0) - 1;
    return void response.writeHead(503).end();
  }
  if (served.status !== undefined) return void response.writeHead(served.status).end();
  if (served.redirect !== undefined) return void response.writeHead(302, { location: served.redirect }).end();
  const { body = new Uint8Array(), etag, wholeOnly = false, cuts } = served;
  const ifRange = request.headers["if-range"];
  const range =
    wholeOnly || (ifRange !== undefined && ifRange !== etag)
      ? undefined
      : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const start = Number(range?.[1] ?? 0);
  if (start >= body.length && range)
    return void response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
  const rest = body.subarray(start);
  response.writeHead(range ? 206 : 200, {
    "content-length": rest.length,
    ...(etag !== undefined && { etag }),
    ...(range && { "content-range": `bytes ${start}-${body.length - 1}/${body.length}` }),
  });
  const cut = cuts?.shift();
  if (cut === undefined) return void response.end(rest);
  response.write(rest.subarray(0, cut), () => setImmediate(() => response.destroy()));
}

/** Hexadecimal SHA-256. */
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
