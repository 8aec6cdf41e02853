// What is held, by source (a key, a stick, a button on the screen). A tap that is shorter than a frame still counts: what was let go stays
// held until a frame has been drawn that knew of it.
import type { Push } from "./row.js";

interface Source {
  readonly pushes: readonly Push[];
  /** First `action` message that carried it; undefined until one was sent. */
  readonly sequence: number | undefined;
  /** Whether a frame knew of it. */
  readonly wasSeen: boolean;
  /** What it becomes once it has been seen; undefined: it is still held as it is. */
  readonly next: readonly Push[] | undefined;
}

/** The sources that push at the moment. */
export interface Held {
  /** Says what a source pushes now; nothing: it is let go. */
  set(source: string, pushes: readonly Push[]): void;
  /** Everything is let go at once, seen or not: focus was lost, or nothing is being played. */
  clear(): void;
  /** What was let go counts no longer, seen or not: no further frame comes. Returns whether there was any. */
  settle(): boolean;
  /** All pushes that count now. */
  pushes(): Push[];
  /** An `action` message with everything held was sent under this number. */
  sent(sequence: number): void;
  /** A frame arrived that knew of this message. Returns whether something was let go by it. */
  seen(sequence: number): boolean;
}

const isPushed = (pushes: readonly Push[]): boolean => pushes.some(({ strength }) => strength > 0);

/** `isLive` says whether frames follow each other: only then a tap can wait for one. */
export function createHeld(isLive: () => boolean): Held {
  const sources = new Map<string, Source>();
  const put = (name: string, pushes: readonly Push[], before?: Source): void => {
    const { sequence, wasSeen = false } = before ?? {};
    if (isPushed(pushes)) sources.set(name, { pushes, sequence, wasSeen, next: undefined });
    else sources.delete(name);
  };
  return {
    set(name, pushes) {
      const before = sources.get(name);
      if (before === undefined || before.wasSeen || !isLive() || isPushed(pushes)) put(name, pushes, before);
      else sources.set(name, { ...before, next: pushes });
    },
    clear: () => sources.clear(),
    settle() {
      const waiting = [...sources].filter(([, { next }]) => next !== undefined);
      for (const [name, { next = [] }] of waiting) put(name, next);
      return waiting.length > 0;
    },
    pushes: () => [...sources.values()].flatMap(({ pushes }) => pushes),
    sent(sequence) {
      for (const [name, source] of sources) {
        if (source.sequence === undefined) sources.set(name, { ...source, sequence });
      }
    },
    seen(sequence) {
      let changed = false;
      for (const [name, source] of sources) {
        if (source.sequence === undefined || source.sequence > sequence) continue;
        if (source.next === undefined) sources.set(name, { ...source, wasSeen: true });
        else {
          put(name, source.next);
          changed = true;
        }
      }
      return changed;
    },
  };
}
