// Every frame of a session since it was saved whole, noted as it is drawn. A session has a journal for each time that somebody began to save it,
// named by the number of its nodes then: what was saved says which is the first, and the frames in that where the next one begins. So no frame
// waits for a session that is being saved, and who is killed in the middle of that leaves the old state with its journals or the new one.
// Where its player has gone since the newest frame is in a journal of one entry.

import type { KeptFrame } from "../engine.js";
import { InOrder } from "./in-order.js";
import { type Position, packEntry, packPosition, readJournal, readPosition } from "./journal-entry.js";
import type { SessionStore } from "./session-store.js";

interface Journals {
  /** Nodes that there were when each was begun, the oldest first; frames go into the last one. */
  since: number[];
  /** Whether nothing was noted in the last one yet. */
  isNew: boolean;
  /** Whether a frame is missing in it, after which all others are of no use. */
  isTorn: boolean;
}

/** What was noted of a session. */
export interface NotedFrames {
  readonly frames: readonly KeptFrame[];
  /** Names of the journals that they are in. */
  readonly since: readonly number[];
  /** How it stood, if that was noted; some frames may have been drawn since. */
  readonly position?: Position;
}

/** The journals of all sessions of a server. */
export class SessionJournals {
  readonly #store: SessionStore;
  readonly #kept = new Map<string, Journals>();
  readonly #line = new InOrder();

  constructor(store: SessionStore) {
    this.#store = store;
  }

  /** Frames after this node go into a journal of their own from now on; `since` are those that were read of a session that comes back. */
  begin(id: string, nodes: number, since: readonly number[] = this.#kept.get(id)?.since ?? []): void {
    this.#kept.set(id, { since: [...since.filter((begun) => begun < nodes), nodes], isNew: true, isTorn: false });
  }

  /** Notes a frame. Where one could not be noted, none is before the next journal is begun. */
  note(id: string, frame: KeptFrame): Promise<void> {
    const journals = this.#kept.get(id);
    return this.#line.after(id, async () => {
      // Of a session that was closed while its last frame was drawn nothing is kept.
      if (journals === undefined || journals.isTorn || !this.#kept.has(id)) return;
      const { since, isNew } = journals;
      try {
        const bytes = packEntry(id, frame, this.#store.secret);
        await this.#store.append(id, since.at(-1) ?? 0, bytes, { anew: isNew });
        journals.isNew = false;
      } catch (error) {
        journals.isTorn = true;
        throw error;
      }
    });
  }

  /** Notes how a session stands, in place of how it stood. */
  notePosition(id: string, position: Position): Promise<void> {
    return this.#line.after(id, async () => {
      if (!this.#kept.has(id)) return;
      try {
        const bytes = packPosition(id, position, this.#store.secret);
        await this.#store.append(id, "position", bytes, { anew: true });
      } catch (error) {
        await this.#store.removeJournals(id, ["position"]); // what is there is not true any more
        throw error;
      }
    });
  }

  /** Deletes the journals of frames that were saved whole with so many nodes. */
  drop(id: string, nodes: number): Promise<void> {
    return this.#line.after(id, async () => {
      const journals = this.#kept.get(id);
      if (!journals) return;
      const old = journals.since.filter((begun) => begun < nodes);
      await this.#store.removeJournals(id, old);
      journals.since = journals.since.filter((begun) => begun >= nodes);
    });
  }

  /** The frames after a session that was saved with so many nodes, up to the first that is missing. */
  async read(id: string, nodes: number): Promise<NotedFrames> {
    const [frames, since]: [KeptFrame[], number[]] = [[], []];
    const position = readPosition(id, await this.#store.journal(id, "position"), this.#store.secret);
    for (let next = nodes; ; next = nodes + frames.length) {
      const noted = readJournal(id, await this.#store.journal(id, next), this.#store.secret);
      const whole = noted.findIndex(({ node }, i) => node !== next + i);
      if (noted.length === 0 || whole === 0) return { frames, since, ...(position && { position }) };
      since.push(next);
      frames.push(...(whole < 0 ? noted : noted.slice(0, whole)));
    }
  }

  /** Notes no more of a session that has left the server; `andDelete` also what was noted. */
  leave(id: string, { andDelete }: { readonly andDelete: boolean }): Promise<void> {
    return this.#line.after(id, async () => {
      const { since } = this.#kept.get(id) ?? { since: [] };
      this.#kept.delete(id);
      if (andDelete) await this.#store.removeJournals(id, [...since, "position"]);
    });
  }
}
