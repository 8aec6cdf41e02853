// Whether clips are of the kind that a world was made for.
import { invalid } from "@vid2world/formats";
import type { DomainSource } from "../../data/domain-clip.js";
import type { WorldModel } from "../../world-model.js";

/** Pictures and actions must be what the world was made for. @throws InvalidArgumentError that says both sizes */
export function checkFit(world: WorldModel, { size, actionDim }: Pick<DomainSource, "size" | "actionDim">): void {
  if (size.height !== world.height || size.width !== world.width)
    throw invalid(
      "data",
      `pictures of ${world.width}x${world.height}, as world "${world.name}" makes them`,
      `${size.width}x${size.height}`,
    );
  if (world.actionWidth !== 0 && actionDim !== world.actionWidth)
    throw invalid("data", `actions of ${world.actionWidth} numbers, as world "${world.name}" takes them`, actionDim);
}
