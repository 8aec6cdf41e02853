// The three numbers of a RECON action as named channels: normalised steps forward and to the left, and a turn.
import type { Channel } from "../action-space.js";

/** A pace of the robot: about one step of 0.25 m, or a turn of a quarter radian. */
const [AHEAD, TURN] = [1, 0.25];

/** Channels of RECON's actions. Standing still is (-1/3, 0, 0): 0 steps in a range from -2.5 to 5. W S drive, A D turn. */
export function reconChannels(): Channel[] {
  const steps = (count: number): number => ((count + 2.5) / 7.5) * 2 - 1;
  const channel = (name: string, unit: string, rest: number, range: number, keys: Record<string, number>): Channel => ({
    ...{ name, kind: "continuous", unit, rest, keys },
    range: [-range, range],
  });
  // Measured poses may jump further than the published range says.
  return [
    channel("forward", "2.5 steps back are -1, 5 steps ahead are 1; a step is 0.25 m", steps(0), 100, {
      KeyW: steps(AHEAD),
      KeyS: steps(-AHEAD),
    }),
    channel("left", "4 steps of 0.25 m", 0, 100, {}),
    channel("turn", "radians to the left", 0, Math.PI, { KeyA: TURN, KeyD: -TURN }),
  ];
}
