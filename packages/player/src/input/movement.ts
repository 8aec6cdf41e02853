// How far a mouse moved within one frame's time. A window that slides needs no agreement with the server about when it looked: wherever it
// looks, once per frame, it finds one frame's worth of movement.
import type { Movement } from "./row.js";

/** Movements of the last `windowMs`. */
export interface MovementWindow {
  add(x: number, y: number, now: number): void;
  /** The sum of what happened after `now - windowMs`. */
  sum(now: number): Movement;
  clear(): void;
}

/** `windowMs` is asked anew at each look: it follows the rate of the frames. */
export function createMovementWindow(windowMs: () => number): MovementWindow {
  let moves: { x: number; y: number; at: number }[] = [];
  return {
    add: (x, y, at) => void moves.push({ x, y, at }),
    sum(now) {
      const begin = now - windowMs();
      moves = moves.filter(({ at }) => at > begin);
      return moves.reduce((sum, { x, y }) => ({ x: sum.x + x, y: sum.y + y }), { x: 0, y: 0 });
    },
    clear: () => void (moves = []),
  };
}
