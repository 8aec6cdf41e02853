// Sends what is held to the server whenever it changes, and keeps account of which message a frame knew of.
import { type Signal, signal } from "@preact/signals";
import type { PlayStatement } from "../protocol.js";
import type { Channel } from "./channels.js";
import { createHeld } from "./held.js";
import { createMovementWindow } from "./movement.js";
import { type Push, actionOf, rowOf } from "./row.js";

/** What a pilot needs to know, and where it sends. */
export interface PilotSurroundings {
  /** Channels of the world; empty: nothing can be done in it. */
  channels(): readonly Channel[];
  /** Whether frames follow each other. */
  isLive(): boolean;
  /** Milliseconds from one frame of the server to the next. Asked often. */
  frameTime(): number;
  tell(message: PlayStatement): void;
  /** A press of `at` (`performance.now()`) went out under this number. */
  onPress(sequence: number, at: number): void;
}

/** From inputs to `action` messages. */
export interface Pilot {
  /** What a source (a key, a stick) pushes from now on; `pressedAt` (`performance.now()`) where this is the beginning of a press. */
  push(source: string, pushes: readonly Push[], pressedAt?: number): void;
  /** The mouse moved, pixels. */
  move(x: number, y: number, at: number): void;
  /** Lets everything go. Sliders stay. */
  release(): void;
  /** How often everything was let go: whoever can look at what is held does so again. */
  readonly letGo: number;
  /** No frame comes any more that could answer a tap. */
  stopped(): void;
  /** Channels set by hand, by place. */
  readonly latched: Signal<ReadonlyMap<number, number>>;
  /** Sets channels by hand, all at once; undefined: by what is held again. */
  latch(values: Iterable<readonly [channel: number, value: number | undefined]>): void;
  /** What would be done now, one value per channel. */
  readonly row: Signal<readonly number[]>;
  /** A frame arrived that knew of this message. */
  seen(sequence: number): void;
  /** Tells the server what is held, whether it changed or not: after a connection was made. */
  tellAgain(): void;
}

/** A pilot who holds nothing. */
export function createPilot(around: PilotSurroundings): Pilot {
  const held = createHeld(() => around.isLive());
  const movement = createMovementWindow(() => around.frameTime());
  const latched = signal<ReadonlyMap<number, number>>(new Map());
  const row = signal<readonly number[]>([]);
  let sequence = 0;
  let letGo = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function update(pressedAt?: number, always = false): void {
    const channels = around.channels();
    const now = performance.now();
    const moved = movement.sum(now);
    const next = rowOf(channels, held.pushes(), moved, latched.value);
    const changed = next.some((value, i) => value !== row.value[i]) || next.length !== row.value.length;
    if (changed) row.value = next;
    if (changed || always) {
      around.tell({ type: "action", action: actionOf(channels, next), sequence: ++sequence });
      if (pressedAt !== undefined && changed) around.onPress(sequence, pressedAt);
    }
    // Also where a second key for the same thing changed nothing: what was sent last says it already, so its frame answers it.
    held.sent(sequence);
    // The window of a movement slides on while nothing else happens.
    clearTimeout(timer);
    timer = undefined;
    if (moved.x !== 0 || moved.y !== 0) timer = setTimeout(() => update(), Math.max(8, around.frameTime() / 6));
  }

  return {
    latched,
    row,
    push(source, pushes, pressedAt) {
      held.set(source, pushes);
      update(pressedAt);
    },
    move(x, y, at) {
      movement.add(x, y, at);
      if (timer === undefined) update(); // the first movement at once, those that follow with the timer it sets
    },
    get letGo() {
      return letGo;
    },
    release() {
      letGo++;
      held.clear();
      movement.clear();
      update();
    },
    stopped() {
      if (held.settle()) update();
    },
    latch(values) {
      const next = new Map(latched.value);
      for (const [channel, value] of values) {
        if (value === undefined) next.delete(channel);
        else next.set(channel, value);
      }
      latched.value = next;
      update();
    },
    seen(number) {
      if (held.seen(number)) update();
    },
    tellAgain: () => update(undefined, true),
  };
}
