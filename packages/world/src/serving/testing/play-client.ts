// A scripted client of the WebSocket for tests: sends messages, waits for those that a test is about.

import { once } from "node:events";
import WebSocket from "ws";
import { type FrameMessage, decodeFrame } from "../protocol/frame-codec.js";
import { type ClientMessageInput, type ServerMessage, serverMessageSchema } from "../protocol/messages.js";

/** Anything that a server sends. */
export type Received = ServerMessage | ({ readonly type: "frame" } & FrameMessage);

type Kind = Received["type"];
type OfKind<K extends Kind> = Extract<Received, { type: K }>;

/** A connection of a test. */
export class TestClient {
  readonly socket: WebSocket;
  /** Everything that came and no `next` has taken. */
  readonly received: Received[] = [];
  /** Frames that came. */
  frames = 0;
  #waiting: (() => void)[] = [];
  #request = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.frames++;
      this.received.push(
        isBinary
          ? { type: "frame", ...decodeFrame(new Uint8Array(data)) }
          : serverMessageSchema.parse(JSON.parse(data.toString())),
      );
      this.#arrived();
    });
    socket.on("close", () => this.#arrived());
    socket.on("error", () => this.#arrived());
  }

  /** Connects to a server's address. */
  static async connect(address: string, options: WebSocket.ClientOptions = {}): Promise<TestClient> {
    const socket = new WebSocket(`${address.replace("http", "ws")}/api/v1/play`, options);
    const client = new TestClient(socket);
    await once(socket, "open");
    return client;
  }

  /** Sends a message; text and bytes go as they are. */
  send(message: ClientMessageInput | string | Uint8Array): void {
    const plain = typeof message === "string" || message instanceof Uint8Array;
    this.socket.send(plain ? message : JSON.stringify(message));
  }

  /** A request number that was not used yet. */
  number(): number {
    return this.#request++;
  }

  /** The next message of a kind (with a request number), others left for later. Fails when the connection ends first. */
  async next<K extends Kind>(kind: K, request?: number): Promise<OfKind<K>> {
    for (;;) {
      const at = this.received.findIndex((one) => one.type === kind && (request === undefined || ("request" in one && one.request === request))); // prettier-ignore
      if (at >= 0) return this.received.splice(at, 1)[0] as OfKind<K>;
      if (this.socket.readyState !== WebSocket.OPEN)
        throw new Error(`the connection ended without ${kind}; left: ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Opens a session at the first start of a gallery, or what is given, and returns how it stands. */
  async open(more: Partial<Extract<ClientMessageInput, { type: "open" }>> = {}): Promise<OfKind<"opened">> {
    const request = this.number();
    const start = { kind: "gallery", id: "start-0" } as const;
    this.send({ type: "open", request, protocol: 1, start, seed: 1, format: "rgb", ...more });
    return this.next("opened", request);
  }

  /** One step. */
  async step(action: Record<string, number> = {}, from?: number): Promise<OfKind<"frame">> {
    const request = this.number();
    this.send({ type: "step", request, action, ...(from !== undefined && { from }) });
    return this.next("frame", request);
  }

  #arrived(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  /** Ends the connection. */
  async end(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, "close");
    this.socket.close();
    await closed;
  }
}
