// The 13 numbers of an RT-1 action as named channels, in the published order of fields.
import type { Channel } from "../action-space.js";

type Range = readonly [number, number];
const UNIT: Range = [-1, 1];
const FLAG: Range = [0, 1];

type Keys = readonly [more: string, less: string];

/** Keys that move the arm along its axes and turn it about them. */
const MOVES: readonly Keys[] = [["KeyW", "KeyS"], ["KeyA", "KeyD"], ["KeyE", "KeyQ"]]; // prettier-ignore
const TURNS: readonly Keys[] = [["ArrowRight", "ArrowLeft"], ["ArrowUp", "ArrowDown"], ["KeyZ", "KeyX"]]; // prettier-ignore
/** How far a key pushes: the published magnitude of action control, in metres; the same in radians. */
const PUSH = 0.1;

/** Channels of RT-1's actions: W S, A D and E Q move the arm, the arrows, Z and X turn it, Space closes the gripper and R opens it. */
export function rt1Channels(): Channel[] {
  const channel = (name: string, range: Range, unit: string, keys: Record<string, number> = {}): Channel => ({
    ...{ name, kind: "continuous", rest: 0, unit, keys },
    range: [...range],
  });
  const arm = (name: string, range: Range, unit: string, keys: readonly Keys[]): Channel[] =>
    keys.map(([more, less], i) => channel(`${name}${"XYZ".charAt(i)}`, range, unit, { [more]: PUSH, [less]: -PUSH }));
  return [
    ...["X", "Y"].map((axis) => channel(`baseDisplacement${axis}`, UNIT, "as in the data")),
    channel("baseRotation", [-Math.PI, Math.PI], "radians"),
    channel("gripperCloses", UNIT, "1 closes, -1 opens", { Space: 1, KeyR: -1 }),
    ...arm("rotation", [-Math.PI / 2, Math.PI / 2], "radians", TURNS),
    ...[0, 1, 2].map((i) => channel(`terminateEpisode${i}`, FLAG, "as in the data")),
    ...arm("worldVector", UNIT, "metres", MOVES),
  ];
}
