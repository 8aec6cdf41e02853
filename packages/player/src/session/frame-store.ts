// The pictures of a session, compressed as they came. What was dropped to save memory, or was drawn before a reload, is fetched again.
import type { FrameMessage } from "../protocol.js";

/** Compressed pictures kept, bytes. */
const LIMIT = 96 * 2 ** 20;

/** Pictures by node. */
export interface FrameStore {
  put(frame: FrameMessage): Blob;
  /** The picture of a node, from here or from the server. */
  get(node: number): Promise<Blob>;
}

/** The picture of a frame as a file that browsers decode. */
const blobOf = ({ pixels, format }: FrameMessage): Blob =>
  new Blob([pixels as Uint8Array<ArrayBuffer>], { type: `image/${format}` });

/** A store that asks `load` for what it does not have. The pictures used longest ago are dropped first. */
export function createFrameStore(load: (node: number) => Promise<Blob>, limit = LIMIT): FrameStore {
  const pictures = new Map<number, Blob>(); // in the order of use
  const loading = new Map<number, Promise<Blob>>();
  let bytes = 0;
  function keep(node: number, picture: Blob): Blob {
    drop(node);
    pictures.set(node, picture);
    bytes += picture.size;
    for (const oldest of pictures.keys()) {
      if (bytes <= limit) break;
      if (oldest !== node) drop(oldest);
    }
    return picture;
  }
  function drop(node: number): void {
    bytes -= pictures.get(node)?.size ?? 0;
    pictures.delete(node);
  }
  return {
    put: (frame) => keep(frame.node, blobOf(frame)),
    async get(node) {
      const known = pictures.get(node);
      if (known !== undefined) return keep(node, known);
      const before = loading.get(node);
      if (before !== undefined) return before;
      const asked = load(node).then((picture) => keep(node, picture));
      loading.set(node, asked);
      return asked.finally(() => loading.delete(node));
    },
  };
}
