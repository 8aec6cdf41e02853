// A client of the HTTP interface for TypeScript, in browsers and in Node: sessions that are stepped, branched, saved and brought back. Needs
// `fetch` alone. Playing in real time goes over the WebSocket (play-socket.ts).

import type { FrameMessage } from "./frame-codec.js";
import { unpackFrames } from "./frame-packing.js";
import type { OpenBody, StepBody, Uploaded } from "./http.js";
import type {
  Action,
  ErrorCode,
  FrameFormat,
  GalleryEntry,
  OpenedSession,
  SessionFile,
  WorldDescription,
} from "./messages.js";
import { RemoteError } from "./remote-error.js";

export { RemoteError } from "./remote-error.js";

/** How a server is reached. */
export interface ConnectOptions {
  readonly token?: string;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
}

/** A server that serves a world. All methods reject with a `RemoteError` where it refuses. */
export interface RemoteWorld {
  world(): Promise<WorldDescription>;
  starts(): Promise<GalleryEntry[]>;
  /** The first frame of a start, as a JPEG. */
  startPicture(id: string): Promise<Uint8Array<ArrayBuffer>>;
  /** A picture, a short video or a session file. */
  upload(file: Blob | Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<Uploaded>;
  open(how: OpenBody): Promise<RemoteSession>;
  /** Goes on from a snapshot, in a new session. */
  restore(snapshot: Uint8Array<ArrayBuffer>): Promise<RemoteSession>;
  /** Comes back to a session by its id and key. */
  resume(session: string, key: string): Promise<RemoteSession>;
  /** The same session over HTTP that was opened over a WebSocket. Asks nothing. */
  attach(opened: OpenedSession): RemoteSession;
  /** One step of several sessions, computed together. Where some cannot be drawn, the others are the error's `frames`. */
  stepTogether(steps: readonly TogetherStep[], format?: FrameFormat): Promise<FrameMessage[]>;
}

/** One of several sessions' steps. */
export interface TogetherStep {
  readonly session: RemoteSession;
  readonly action: Action;
  /** Absent: the current node. */
  readonly from?: number;
}

/** One session on a server. */
export interface RemoteSession {
  /** As it was opened. */
  readonly opened: OpenedSession;
  /** Frames of one or several actions in a row. Where one cannot be drawn, those before it are the error's `frames`. */
  step(actions: Action | readonly Action[], how?: Omit<StepBody, "actions">): Promise<FrameMessage[]>;
  /** A session of its own with everything that this one has; `node` becomes its current one. */
  fork(node?: number): Promise<RemoteSession>;
  snapshot(): Promise<Uint8Array<ArrayBuffer>>;
  /** How it stands. */
  state(): Promise<OpenedSession>;
  file(): Promise<SessionFile>;
  /** The picture of a node: an encoded one, or H*W*3 bytes for `rgb`. */
  picture(node: number, format?: FrameFormat): Promise<Uint8Array<ArrayBuffer>>;
  /** The recording's own frame. */
  truth(frame: number, format?: FrameFormat): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/**
 * A server by its address.
 *
 * @example
 * const server = remoteWorld("http://127.0.0.1:8008");
 * const [start] = await server.starts();
 * const session = await server.open({ start: { kind: "gallery", id: start.id }, seed: 1 });
 * const [frame] = await session.step({ forward: 1 }); // frame.pixels: height * width * 3 bytes
 */
export function remoteWorld(address: string, { token, fetch: call = fetch }: ConnectOptions = {}): RemoteWorld {
  const root = new URL("api/v1/", address.endsWith("/") ? address : `${address}/`);

  const request: Request = async (method, path, { key, body, type, signal } = {}) => {
    const headers: Record<string, string> = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(key !== undefined && { "x-session-key": key }),
      ...(body !== undefined && { "content-type": type ?? "application/json" }),
    };
    const raw = body instanceof Uint8Array || body instanceof Blob;
    const sent = body === undefined ? {} : { body: raw ? body : JSON.stringify(body) };
    const response = await call(new URL(path, root), { method, headers, ...sent, ...(signal && { signal }) });
    if (!response.ok) throw await errorOf(response);
    return response;
  };
  const json = async <T>(...wanted: Parameters<Request>): Promise<T> => (await (await request(...wanted)).json()) as T;
  const bytesType = "application/octet-stream";
  const session = (opened: OpenedSession): RemoteSession => remoteSession(opened, request);

  return {
    world: () => json("GET", "world"),
    starts: async () => (await json<{ starts: GalleryEntry[] }>("GET", "starts")).starts,
    startPicture: (id) => bytesOf(request("GET", `starts/${encodeURIComponent(id)}/picture`)),
    upload: (body, signal) => json("POST", "uploads", { body, type: bytesType, ...(signal && { signal }) }),
    open: async (body) => session(await json("POST", "sessions", { body })),
    restore: async (body) => session(await json("POST", "sessions/restore", { body, type: bytesType })),
    resume: async (id, key) => session(await json("GET", `sessions/${encodeURIComponent(id)}`, { key })),
    attach: session,
    async stepTogether(steps, format = "rgb") {
      const wanted = steps.map(({ session: { opened }, action, from }) => {
        return { session: opened.session, key: opened.key, action, ...(from !== undefined && { from }) };
      });
      return framesIn(await request("POST", "step", { body: { steps: wanted, format } }));
    },
  };
}

type Request = (
  method: string,
  path: string,
  more?: {
    readonly key?: string;
    readonly body?: unknown;
    readonly type?: string;
    readonly signal?: AbortSignal;
  },
) => Promise<Response>;

function remoteSession(opened: OpenedSession, request: Request): RemoteSession {
  const { key } = opened;
  const own = (rest = ""): string => `sessions/${encodeURIComponent(opened.session)}${rest}`;
  const json = async <T>(method: string, rest: string, body?: unknown): Promise<T> =>
    (await (await request(method, own(rest), { key, body })).json()) as T;
  return {
    opened,
    async step(actions, how = {}) {
      const body = { ...how, actions: Array.isArray(actions) ? actions : [actions] };
      return framesIn(await request("POST", own("/step"), { key, body }));
    },
    fork: async (node) => remoteSession(await json("POST", "/fork", node === undefined ? {} : { node }), request),
    snapshot: () => bytesOf(request("GET", own("/snapshot"), { key })),
    state: () => json("GET", ""),
    file: () => json("GET", "/file"),
    picture: (node, format = "jpeg") => bytesOf(request("GET", own(`/frames/${node}?format=${format}`), { key })),
    truth: (frame, format = "jpeg") => bytesOf(request("GET", own(`/truth/${frame}?format=${format}`), { key })),
    close: async () => void (await request("DELETE", own(), { key })),
  };
}

async function bytesOf(response: Promise<Response>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await response).arrayBuffer());
}

/** The frames of an answer, which must all be there. */
async function framesIn(response: Response): Promise<FrameMessage[]> {
  const outcomes = unpackFrames(await bytesOf(Promise.resolve(response)));
  const frames = outcomes.map((one) => ("error" in one ? undefined : one));
  const failed = outcomes.find((one) => "error" in one);
  if (failed) throw new RemoteError(failed.error.code, failed.error.message, response.status, frames);
  return frames.filter((frame) => frame !== undefined);
}

/** What a server, or something on the way to it, answered. */
async function errorOf(response: Response): Promise<RemoteError> {
  const body = (await response.json().catch(() => ({}))) as { error?: { code: ErrorCode; message: string } };
  const usual = response.status === 401 ? "wrong-token" : "internal"; // also of proxies, which do not speak the protocol
  const { code = usual, message = `the server answered ${response.status}` } = body.error ?? {};
  return new RemoteError(code, message, response.status);
}
