// Keys and mouse as a stream of events -> one row per frame. docs/data.md describes the events.
//   Row t is about the time from frame t to frame t + 1.
import { FormatError } from "@vid2world/formats";
import { z } from "zod";
import { rowOfKeys, type Channel } from "../action-space.js";
import { describeIssues } from "../../config/issues.js";
import type { TableRow } from "./table.js";

const schema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("keydown"), code: z.string() }),
  z.object({ type: z.literal("keyup"), code: z.string() }),
  z.object({ type: z.literal("mousedown"), button: z.coerce.number().int() }),
  z.object({ type: z.literal("mouseup"), button: z.coerce.number().int() }),
  z.object({ type: z.literal("mousemove"), dx: z.coerce.number(), dy: z.coerce.number() }),
  z.object({ type: z.literal("blur") }),
]);

/** What a person did: KeyboardEvent.code and MouseEvent.button as browsers have them; `blur` releases everything. */
export type KeyEvent = z.infer<typeof schema>;

/** Reads the event of a row (its time is read elsewhere). */
export function parseKeyEvent(file: string, { place, values }: TableRow): KeyEvent {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new FormatError(file, `${place}: no event: ${describeIssues(schema, values, parsed.error)}`);
}

const BUTTONS = ["MouseLeft", "MouseMiddle", "MouseRight"];

/**
 * Rows of channel values, one per frame, from events with their times in seconds of the video (rising). A continuous channel
 * is what its keys set it to, weighted by how long they were held, and mouse movement adds to it, within its range; a binary
 * one is on if it was on at any time within the frame; of a choice, the last one that was made within the frame counts.
 */
export function resampleEvents(
  channels: readonly Channel[],
  events: readonly { readonly time: number; readonly event: KeyEvent }[],
  frames: number,
  fps: number,
): number[][] {
  const held = new Set<string>();
  let next = 0;
  const step = (before: number, moved?: { x: number; y: number }): number => {
    const { time, event } = events[next] ?? { time: Infinity, event: undefined };
    if (event === undefined || time >= before) return before;
    apply(event, held, moved);
    next++;
    return time;
  };
  while (step(0) < 0); // what happened before the first frame decides only what is held
  return Array.from({ length: frames }, (_, t) => {
    const [from, to] = [t / fps, (t + 1) / fps];
    const moved = { x: 0, y: 0 };
    const parts: { row: number[]; seconds: number }[] = [];
    while ((events[next]?.time ?? Infinity) <= from) step(Infinity, moved);
    for (let at = from; at < to;) {
      const row = rowOfKeys(channels, held);
      const until = Math.max(at, step(to, moved));
      parts.push({ row, seconds: until - at });
      at = until;
    }
    return channels.map((channel, i) => combine(channel, i, parts, to - from, moved));
  });
}

function apply(event: KeyEvent, held: Set<string>, moved: { x: number; y: number } | undefined): void {
  switch (event.type) {
    case "keydown":
      held.add(event.code);
      break;
    case "keyup":
      held.delete(event.code);
      break;
    case "mousedown":
      held.add(BUTTONS[event.button] ?? `Mouse${event.button}`);
      break;
    case "mouseup":
      held.delete(BUTTONS[event.button] ?? `Mouse${event.button}`);
      break;
    case "mousemove":
      if (moved === undefined) break;
      moved.x += event.dx;
      moved.y += event.dy;
      break;
    case "blur":
      held.clear();
  }
}

function combine(
  channel: Channel,
  i: number,
  parts: readonly { row: readonly number[]; seconds: number }[],
  seconds: number,
  moved: { x: number; y: number },
): number {
  const values = parts.map(({ row }) => row[i] ?? 0);
  if (channel.kind === "binary") return Math.max(...values);
  if (channel.kind === "choice") return values.findLast((value) => value !== 0) ?? 0;
  const mean = parts.reduce((sum, part, k) => sum + (values[k] ?? 0) * part.seconds, 0) / seconds;
  const movement = (channel.keys.MouseX ?? 0) * moved.x + (channel.keys.MouseY ?? 0) * moved.y;
  const [low, high] = channel.range;
  return Math.min(high, Math.max(low, mean + movement));
}
