// Settings as clients send them, checked against what a world has.

import type { EngineWorld } from "../engine.js";
import type { Settings } from "../protocol/messages.js";

/** Why frames of a world cannot be drawn with these settings; undefined where they can. */
export function settingsProblem({ decoder, numSteps }: Settings, world: EngineWorld): string | undefined {
  const [least, most] = world.stepsRange;
  if (decoder && !world.decoders.includes(decoder))
    return `decoder: this world has ${world.decoders.join(" and ")} only`;
  if (numSteps === undefined || (numSteps >= least && numSteps <= most)) return undefined;
  return least === most
    ? `numSteps: this world takes ${most}, which are placed by hand`
    : `numSteps: this world takes ${least} to ${most}`;
}
