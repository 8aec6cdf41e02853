// Which parameters are trained, and with which learning rate and weight decay: decided by patterns of their names.
import { InvalidArgumentError } from "@vid2world/formats";
import type { AdamWOptions, GroupOf, Module, Parameter } from "@vid2world/torch";
import { z } from "zod";

const patternSchema = z.string().min(1);

/** The parts of `training` that tell parameters apart. In a pattern `*` stands for any characters, dots included. */
export const parameterSettings = {
  /** Parameters that keep their first values, for instance ["inputBlocks.*"]. */
  freeze: z.array(patternSchema).default([]),
  /** Parameters with a learning rate or weight decay of their own; the others have those of `training`. */
  groups: z
    .array(
      z.strictObject({
        match: z.array(patternSchema).min(1),
        /** Peak; warm-up and decay are those of `training`. */
        learningRate: z.number().positive().optional(),
        weightDecay: z.number().min(0).optional(),
      }),
    )
    .default([]),
};

/** Checked settings of parameter groups. */
export type ParameterSettings = z.output<z.ZodObject<typeof parameterSettings>>;

/** One group for the optimiser. */
export interface TrainedGroup extends GroupOf<AdamWOptions> {
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Its learning rate as a multiple of that of `training`. */
  readonly rate: number;
}

/**
 * Freezes what is to be frozen and splits the rest into groups that do not overlap and leave nothing out; the group of all parameters
 * that no pattern names is the first.
 * @throws InvalidArgumentError when a pattern matches nothing, a parameter is in two groups, or nothing is left to train.
 */
export function groupParameters(
  module: Module,
  { freeze, groups, learningRate }: ParameterSettings & { readonly learningRate: number },
): TrainedGroup[] {
  const all = module.namedParameters();
  for (const pattern of freeze) {
    for (const parameter of matching(all, pattern, "training.freeze").values()) parameter.requiresGrad_(false);
  }
  const trained = new Map([...all].filter(([, { requiresGrad }]) => requiresGrad));
  if (trained.size === 0) throw new InvalidArgumentError("training.freeze", "training.freeze: leaves nothing to train");
  const rest = new Map(trained);
  const takenBy = new Map<string, number>();
  const own = groups.map(({ match, weightDecay, ...options }, index): TrainedGroup => {
    const where = `training.groups.${index}.match`;
    const parameters = new Map(match.flatMap((pattern) => [...matching(trained, pattern, where)]));
    for (const name of parameters.keys()) {
      const other = takenBy.get(name);
      if (other !== undefined)
        throw new InvalidArgumentError(where, `${where}: "${name}" is in training.groups.${other} already`);
      takenBy.set(name, index);
      rest.delete(name);
    }
    const rate = (options.learningRate ?? learningRate) / learningRate;
    return { parameters, rate, options: weightDecay === undefined ? {} : { weightDecay } };
  });
  return [...(rest.size > 0 ? [{ parameters: rest, rate: 1 }] : []), ...own];
}

function matching(parameters: ReadonlyMap<string, Parameter>, pattern: string, where: string): Map<string, Parameter> {
  const expression = new RegExp(`^${pattern.split("*").map(escape).join(".*")}$`);
  const found = new Map([...parameters].filter(([name]) => expression.test(name)));
  if (found.size > 0) return found;
  const examples = [...parameters.keys()].slice(0, 3).join(", ");
  throw new InvalidArgumentError(
    where,
    `${where}: no trained parameter matches ${JSON.stringify(pattern)}; their names are like ${examples}`,
  );
}

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
