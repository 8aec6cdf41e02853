// What the page knows, as signals: views read them, the rest of this folder writes them. What changes with every frame is apart from what does
// not, and panels look at it a few times a second: on a small machine every drawing of the page takes time from the world.
import { type ReadonlySignal, type Signal, computed, effect, signal } from "@preact/signals";
import type { Beginning, SessionKey } from "../connection/remembered.js";
import type { GalleryEntry, RemoteSession, SessionState, WorldDescription } from "../protocol.js";
import type { Notice, Status } from "./status.js";
import { type Timeline, createTimeline } from "./timeline.js";

/** A session that is open. */
export interface OpenSession extends SessionKey {
  readonly seed: number;
  /** True frames of the recording that follow the context. */
  readonly truthFrames: number;
  /** Its pictures and its file, over HTTP. */
  readonly remote: RemoteSession;
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
  /** What the session was begun with; after a reload only a start of the gallery. */
  readonly beginning: Signal<Beginning | undefined>;
  /** Whether the server draws frames, as far as is known: what was asked for counts at once. */
  readonly phase: Signal<SessionState["phase"]>;
  /** Whether play goes on once a lost connection is back. */
  readonly playsOnReturn: Signal<boolean>;
  /** Frames of a saved session that are still to come: they are played as they were, whatever is held. */
  readonly replayFrames: Signal<number>;
  /** Frames per second that are wished for; undefined: the world's own. */
  readonly fps: Signal<number | undefined>;
  /** Settings from the next frame on, as wished for. */
  readonly settings: Signal<SessionState["settings"] | undefined>;
  readonly timeline: Signal<Timeline>;
  /** Grows with each change of the timeline, which is not a value but a thing. */
  readonly revision: Signal<number>;
  /** The node on the screen. */
  readonly shown: Signal<number>;
  /** The node on the screen for panels: a few times a second while frames follow each other, at once otherwise. Told with each revision. */
  readonly glance: ReadonlySignal<{ readonly node: number }>;
  /** The branch that the slider runs along. */
  readonly branch: Signal<number>;
  readonly watching: Signal<boolean>;
  readonly mode: ReadonlySignal<Mode>;
  readonly comparison: Signal<Comparison | undefined>;
  /** Whether the keys are still to be told: a session began, and nothing was pressed yet. */
  readonly hint: Signal<boolean>;
  /** Whether play begins by itself in a moment: nobody is asked to begin it. */
  readonly starting: Signal<boolean>;
  readonly notices: Signal<readonly Notice[]>;
  /** Tells something for a while. */
  notify(tone: Notice["tone"], text: string): void;
}

/** Milliseconds that a notice stays; what went wrong stays longer. */
const NOTICE_MS = { good: 6000, plain: 6000, bad: 15_000 } as const;
/** Milliseconds between two glances. */
const GLANCE_MS = 250;

/** Nothing is known yet. */
export function createState(): PlayerState {
  const [phase, watching] = [signal<SessionState["phase"]>("paused"), signal(false)];
  const [shown, revision] = [signal(0), signal(0)];
  const mode = computed(() => (watching.value ? "watching" : phase.value === "playing" ? "live" : "paused"));
  const notices = signal<readonly Notice[]>([]);
  let nextNotice = 0;
  return {
    status: signal<Status>({ kind: "loading" }),
    world: signal(undefined),
    starts: signal([]),
    session: signal(undefined),
    beginning: signal(undefined),
    phase,
    playsOnReturn: signal(false),
    replayFrames: signal(0),
    fps: signal(undefined),
    settings: signal(undefined),
    timeline: signal(createTimeline()),
    revision,
    shown,
    glance: glancesAt(shown, revision, mode),
    branch: signal(0),
    watching,
    mode,
    comparison: signal(undefined),
    hint: signal(false),
    starting: signal(false),
    notices,
    notify(tone, text) {
      const id = nextNotice++;
      notices.value = [...notices.value.filter((notice) => notice.text !== text), { id, tone, text }];
      setTimeout(() => (notices.value = notices.value.filter((notice) => notice.id !== id)), NOTICE_MS[tone]);
    },
  };
}

function glancesAt(
  shown: ReadonlySignal<number>,
  revision: ReadonlySignal<number>,
  mode: ReadonlySignal<Mode>,
): ReadonlySignal<{ readonly node: number }> {
  const glance = signal({ node: 0 });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    timer = undefined;
    glance.value = { node: shown.peek() };
  };
  effect(() => {
    void [shown.value, revision.value];
    if (mode.value === "live") timer ??= setTimeout(look, GLANCE_MS);
    else look();
  });
  return glance;
}
