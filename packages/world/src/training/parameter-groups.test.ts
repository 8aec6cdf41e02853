// Which parameter ends up in which group.
import { expect, test } from "vitest";
import { Linear, Module } from "@vid2world/torch";
import { groupParameters } from "./parameter-groups.js";
import { trainingSchema } from "./settings.js";

class Net extends Module {
  readonly encoder = [new Linear(2, 2), new Linear(2, 2)];
  readonly head = new Linear(2, 1);
}

const grouped = (net: Module, settings: object): ReturnType<typeof groupParameters> =>
  groupParameters(net, trainingSchema.parse({ batchSize: 1, maxSteps: 1, learningRate: 0.1, ...settings }));

test("without patterns everything is one group", () => {
  const [group, ...more] = grouped(new Net(), {});
  expect([group?.parameters.size, group?.rate, more]).toEqual([6, 1, []]);
});

test("groups take what they name and the rest is the first group; frozen parameters are in none", () => {
  const net = new Net();
  const groups = grouped(net, {
    freeze: ["encoder.0.*"],
    groups: [
      { match: ["head.*"], learningRate: 0.05 },
      { match: ["encoder.1.b*"], weightDecay: 0 },
    ],
  });
  expect(groups.map(({ parameters, rate, options }) => [[...parameters.keys()], rate, options])).toEqual([
    [["encoder.1.weight"], 1, undefined],
    [["head.weight", "head.bias"], 0.5, {}],
    [["encoder.1.bias"], 1, { weightDecay: 0 }],
  ]);
  expect(net.encoder[0]?.weight.requiresGrad).toBe(false);
});

test("a parameter in two groups, a pattern that matches nothing and nothing to train are refused by name", () => {
  const twice = { groups: [{ match: ["head.*"] }, { match: ["*.bias"] }] };
  expect(() => grouped(new Net(), twice)).toThrow(
    'training.groups.1.match: "head.bias" is in training.groups.0 already',
  );
  expect(() => grouped(new Net(), { freeze: ["hed.*"] })).toThrow('no trained parameter matches "hed.*"');
  expect(() => grouped(new Net(), { freeze: ["*"] })).toThrow("leaves nothing to train");
  // A dot is a dot.
  expect(() => grouped(new Net(), { freeze: ["headxweight"] })).toThrow("no trained parameter");
});
