// The 13 numbers of an RT-1 action as named channels, in the published order of fields.
import type { Channel } from "../action-space.js";

type Range = readonly [number, number];
const UNIT: Range = [-1, 1];
const FLAG: Range = [0, 1];

/** Keys that push the arm by the published magnitude of action control. */
const PUSHES: readonly (readonly [more: string, less: string])[] = [
  ["KeyW", "KeyS"],
  ["KeyA", "KeyD"],
  ["KeyE", "KeyQ"],
];
const PUSH = 0.1;

/** Channels of RT-1's actions; W S, A D and E Q move the arm along its axes, Space closes the gripper. */
export function rt1Channels(): Channel[] {
  const channel = (name: string, range: Range, unit: string, keys: Record<string, number> = {}): Channel => ({
    ...{ name, kind: "continuous", rest: 0, unit, keys },
    range: [...range],
  });
  return [
    ...["X", "Y"].map((axis) => channel(`baseDisplacement${axis}`, UNIT, "as in the data")),
    channel("baseRotation", [-Math.PI, Math.PI], "radians"),
    channel("gripperCloses", UNIT, "1 closes, -1 opens", { Space: 1 }),
    ...["X", "Y", "Z"].map((axis) => channel(`rotation${axis}`, [-Math.PI / 2, Math.PI / 2], "radians")),
    ...[0, 1, 2].map((i) => channel(`terminateEpisode${i}`, FLAG, "as in the data")),
    ...["X", "Y", "Z"].map((axis, i) => {
      const [more = "", less = ""] = PUSHES[i] ?? [];
      return channel(`worldVector${axis}`, UNIT, "metres", { [more]: PUSH, [less]: -PUSH });
    }),
  ];
}
