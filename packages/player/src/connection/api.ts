// The server's HTTP side: where things are, and how a request proves that it may. Knows no WebSocket messages.
import type { ErrorCode, GalleryEntry, SessionFile, Uploaded, WorldDescription } from "../protocol.js";

/** What a session is called, and what proves that it is one's own. */
export interface SessionKey {
  readonly session: string;
  readonly key: string;
}

/** The server refused. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The server's HTTP routes. All methods reject with a `ServerError` where it refuses and a `TypeError` where it cannot be reached. A token is in a
 * cookie that scripts cannot read.
 */
export interface Api {
  world(): Promise<WorldDescription>;
  starts(): Promise<GalleryEntry[]>;
  startPicture(id: string): Promise<Blob>;
  /** A picture, a short video or a session file; the answer says which, and its id for `open`. */
  upload(file: Blob): Promise<Uploaded>;
  frame(session: SessionKey, node: number): Promise<Blob>;
  truth(session: SessionKey, frame: number): Promise<Blob>;
  sessionFile(session: SessionKey): Promise<SessionFile>;
  /** A WebSocket that plays. */
  socket(): WebSocket;
}

/** The API below `base`, the page's own folder. */
export function createApi(base: string): Api {
  const root = new URL("api/v1/", base);

  async function call(path: string, init: RequestInit & { key?: string } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (init.key !== undefined) headers.set("x-session-key", init.key);
    const response = await fetch(new URL(path, root), { ...init, headers });
    if (!response.ok) throw await errorOf(response);
    return response;
  }
  const json = async <T>(path: string, key?: string): Promise<T> =>
    (await (await call(path, key === undefined ? {} : { key })).json()) as T;
  const blob = async (path: string, key?: string): Promise<Blob> =>
    (await call(path, key === undefined ? {} : { key })).blob();
  const own = ({ session }: SessionKey, rest: string): string => `sessions/${encodeURIComponent(session)}/${rest}`;

  return {
    world: () => json("world"),
    starts: async () => (await json<{ starts: GalleryEntry[] }>("starts")).starts,
    startPicture: (id) => blob(`starts/${encodeURIComponent(id)}/picture`),
    async upload(file) {
      const type = file.type === "" ? "application/octet-stream" : file.type;
      const response = await call("uploads", { method: "POST", body: file, headers: { "content-type": type } });
      return (await response.json()) as Uploaded;
    },
    frame: (session, node) => blob(own(session, `frames/${node}`), session.key),
    truth: (session, frame) => blob(own(session, `truth/${frame}`), session.key),
    sessionFile: (session) => json(own(session, "file"), session.key),
    socket() {
      const url = new URL("play", root);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      return socket;
    },
  };
}

/** The error in a response; servers and proxies that do not speak the protocol are described by their status. */
async function errorOf(response: Response): Promise<ServerError> {
  const body = (await response.json().catch(() => ({}))) as { error?: { code: ErrorCode; message: string } };
  const fallback: ErrorCode = response.status === 401 ? "wrong-token" : "internal";
  return new ServerError(body.error?.code ?? fallback, body.error?.message ?? `the server answered ${response.status}`);
}
