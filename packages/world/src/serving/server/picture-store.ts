// Encoded pictures of past frames, so that a client can look back without the engine. Bounded in bytes over all sessions; those that nobody
// asked for go first.

import type { FrameFormat } from "../protocol/messages.js";

interface Picture {
  readonly session: string;
  readonly bytes: Uint8Array;
}

/** Pictures by session, node and format. */
export class PictureStore {
  readonly #most: number;
  /** In the order of their last use. */
  readonly #pictures = new Map<string, Picture>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  /** Keeps a picture, and lets go of others where there are too many. */
  put(session: string, node: number, format: FrameFormat, bytes: Uint8Array): void {
    const name = nameOf(session, node, format);
    this.#drop(name);
    this.#pictures.set(name, { session, bytes });
    this.#bytes += bytes.length;
    for (const oldest of this.#pictures.keys()) {
      if (this.#bytes <= this.#most) break;
      this.#drop(oldest);
    }
  }

  /** The picture of a node, if it is still here. */
  get(session: string, node: number, format: FrameFormat): Uint8Array | undefined {
    const name = nameOf(session, node, format);
    const picture = this.#pictures.get(name);
    if (!picture) return undefined;
    this.#pictures.delete(name);
    this.#pictures.set(name, picture);
    return picture.bytes;
  }

  /** A session is gone. */
  forget(session: string): void {
    for (const [name, picture] of this.#pictures) if (picture.session === session) this.#drop(name);
  }

  #drop(name: string): void {
    this.#bytes -= this.#pictures.get(name)?.bytes.length ?? 0;
    this.#pictures.delete(name);
  }
}

const nameOf = (session: string, node: number, format: FrameFormat): string => `${session} ${node} ${format}`;
