// Uploads that a session may begin with: in memory, decoded, for an hour, the oldest leaving first.

import { randomBytes } from "node:crypto";
import type { EngineWorld } from "../../engine.js";
import type { Uploaded } from "../../protocol/http.js";
import type { ServingLimits } from "../limits.js";
import { ServingError } from "../serving-error.js";
import type { Opening } from "../session-table.js";
import { decodeUpload } from "./decode-upload.js";
import { replayOf } from "./replay.js";

/** What an upload begins a session with; a replay brings its own seed and settings. */
export type UploadedStart = Omit<Opening, "start"> & {
  readonly start: Omit<Opening["start"], "seed"> & { readonly seed?: number };
};

interface Kept extends Uploaded {
  readonly opening: UploadedStart;
  readonly since: number;
}

const HOUR = 3_600_000;
/** Files decoded at once, and files that wait for it. */
const AT_ONCE = 2;
const MOST_WAITING = 8;

/** The uploads of a server. */
export class UploadStore {
  readonly #world: EngineWorld;
  readonly #limits: ServingLimits;
  readonly #kept = new Map<string, Kept>();
  #working = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(world: EngineWorld, limits: ServingLimits) {
    this.#world = world;
    this.#limits = limits;
  }

  /** Decodes a file and keeps it. Throws `bad-upload` or `too-fast`. */
  async add(file: Uint8Array): Promise<Uploaded> {
    const { width, height, contextFrames } = this.#world;
    const { uploadPixels: pixels, uploadSeconds: seconds, uploads, frames: mostFrames } = this.#limits;
    const decoded = await this.#inTurn(() =>
      decodeUpload(file, { width, height, contextFrames, pixels, seconds, nodes: mostFrames }),
    );
    const { frames, found, session } = decoded;
    const uploaded: Uploaded = {
      id: randomBytes(12).toString("base64url"),
      kind: session ? "replay" : "upload",
      frames: found,
      exact: session ? session.world.checksum === this.#world.checksum : true,
    };
    const opening = session
      ? replayOf(session, frames, this.#world, mostFrames)
      : { start: { frames }, truthFrames: 0 };
    this.#kept.set(uploaded.id, { ...uploaded, opening, since: Date.now() });
    for (const [id, { since }] of this.#kept)
      if (this.#kept.size > uploads || Date.now() - since > HOUR) this.#kept.delete(id);
    return uploaded;
  }

  /** What an upload begins a session with. Throws `unknown-start`. */
  find(id: string, kind: Uploaded["kind"]): UploadedStart {
    const kept = this.#kept.get(id);
    if (kept?.kind === kind) return kept.opening;
    throw new ServingError("unknown-start", "no such upload, or it was deleted after its time; send it again");
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length >= MOST_WAITING) throw new ServingError("too-fast", "too many uploads at once; try again");
    if (this.#working >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#working++;
    try {
      return await work();
    } finally {
      this.#working--;
      this.#waiting.shift()?.();
    }
  }
}
