// From a robot's poses to RECON's actions: where the next pose lies as seen from this one, in steps of the robot.
//   T poses; an action is (forward, left, turn)
import { invalid } from "@vid2world/formats";

/** Numbers of a RECON action. */
export const RECON_ACTION_DIM = 3;

/** Metres of a step: positions are divided by it. */
const WAYPOINT_SPACING = 0.25;
/** Smallest and largest step forward and to the left, which become -1 and 1. */
const STEP_RANGE = [
  { min: -2.5, max: 5 },
  { min: -4, max: 4 },
] as const;

/** Poses of a trajectory. */
export interface Poses {
  /** Metres, [T 2] row by row. */
  readonly position: Float64Array;
  /** Radians, [T]. */
  readonly yaw: Float64Array;
}

/**
 * Actions between the poses at these places, [places A] row by row: row t leads from the t-th place to the next. The last
 * row leads nowhere and is, as published, no movement before normalisation: (-1/3, 0, 0).
 */
export function reconActions({ position, yaw }: Poses, places: readonly number[]): Float32Array {
  const actions_TA = new Float32Array(places.length * RECON_ACTION_DIM);
  places.forEach((from, t) => {
    const to = places[t + 1];
    const [dx, dy, turn] = to === undefined ? [0, 0, 0] : localPose({ position, yaw }, from, to);
    actions_TA.set([normalise(dx, 0), normalise(dy, 1), turn], t * RECON_ACTION_DIM);
  });
  return actions_TA;
}

/** Pose `to` in the frame of pose `from`: steps forward, steps to the left, and the turn in [-pi, pi). */
function localPose({ position, yaw }: Poses, from: number, to: number): [number, number, number] {
  const at = (values: Float64Array, i: number): number => {
    const value = values[i];
    if (value === undefined) throw invalid("places", `0 to ${yaw.length - 1}`, i);
    return value;
  };
  const dx = at(position, to * 2) - at(position, from * 2);
  const dy = at(position, to * 2 + 1) - at(position, from * 2 + 1);
  const angle = at(yaw, from);
  const forward = dx * Math.cos(angle) + dy * Math.sin(angle);
  const left = -dx * Math.sin(angle) + dy * Math.cos(angle);
  return [forward / WAYPOINT_SPACING, left / WAYPOINT_SPACING, wrap(at(yaw, to) - angle)];
}

function wrap(angle: number): number {
  return angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));
}

function normalise(steps: number, axis: 0 | 1): number {
  const { min, max } = STEP_RANGE[axis];
  return ((steps - min) / (max - min)) * 2 - 1;
}
