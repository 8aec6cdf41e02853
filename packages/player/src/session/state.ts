// What the page knows, as signals: views read them, player.ts and transport.ts write them.
import { type ReadonlySignal, type Signal, computed, signal } from "@preact/signals";
import type { SessionKey } from "../connection/api.js";
import type { GalleryEntry, SessionState, Start, WorldDescription } from "../protocol.js";
import type { Notice, Status } from "./status.js";
import { type Timeline, createTimeline } from "./timeline.js";

/** A session that is open. */
export interface OpenSession extends SessionKey {
  readonly seed: number;
  /** True frames of the recording that follow the context. */
  readonly truthFrames: number;
}

/** What a session is begun with. */
export interface Beginning {
  readonly start: Start;
  readonly seed?: number;
}

/** What is shown beside the session's own frame. */
export type Comparison = { readonly kind: "branch"; readonly branch: number } | { readonly kind: "truth" };

/** What plays: frames that are drawn now, frames that were drawn before, or nothing. */
export type Mode = "paused" | "live" | "watching";

/** Everything that views read. */
export interface PlayerState {
  readonly status: Signal<Status>;
  readonly world: Signal<WorldDescription | undefined>;
  readonly starts: Signal<readonly GalleryEntry[]>;
  readonly session: Signal<OpenSession | undefined>;
  /** What the session was begun with; undefined after a reload. */
  readonly beginning: Signal<Beginning | undefined>;
  /** How the session stands on the server. */
  readonly remote: Signal<SessionState | undefined>;
  readonly timeline: Signal<Timeline>;
  /** Grows with each change of the timeline, which is not a value but a thing. */
  readonly revision: Signal<number>;
  /** The node on the screen. */
  readonly shown: Signal<number>;
  /** The branch that the slider runs along. */
  readonly branch: Signal<number>;
  readonly watching: Signal<boolean>;
  readonly mode: ReadonlySignal<Mode>;
  readonly comparison: Signal<Comparison | undefined>;
  readonly notices: Signal<readonly Notice[]>;
  /** Tells something for a while. */
  notify(tone: Notice["tone"], text: string): void;
}

const NOTICE_MS = 7000;

/** Nothing is known yet. */
export function createState(): PlayerState {
  const remote = signal<SessionState | undefined>(undefined);
  const watching = signal(false);
  const notices = signal<readonly Notice[]>([]);
  let nextNotice = 0;
  return {
    status: signal<Status>({ kind: "loading" }),
    world: signal(undefined),
    starts: signal([]),
    session: signal(undefined),
    beginning: signal(undefined),
    remote,
    timeline: signal(createTimeline()),
    revision: signal(0),
    shown: signal(0),
    branch: signal(0),
    watching,
    mode: computed(() => (watching.value ? "watching" : remote.value?.phase === "playing" ? "live" : "paused")),
    comparison: signal(undefined),
    notices,
    notify(tone, text) {
      const id = nextNotice++;
      notices.value = [...notices.value.filter((notice) => notice.text !== text), { id, tone, text }];
      setTimeout(() => (notices.value = notices.value.filter((notice) => notice.id !== id)), NOTICE_MS);
    },
  };
}
