// Generators and their states: seeds repeat, states are restored exactly, and generators do not disturb each other.
import { expect, test } from "vitest";
import { dropout, Generator, getRandomState, manualSeed, ones, randint, randn, setRandomState } from "./index.js";

test("the state of the default generator goes back to where it was saved, in the middle of a stream", () => {
  manualSeed(3);
  randn([5]); // an odd count: normal numbers are made in pairs
  const state = getRandomState();
  const draw = (): number[] => [
    ...randn([7]).toNumbers(),
    ...randint(0, 100, [4]).toNumbers(),
    ...dropout(ones([16]), 0.5, true).toNumbers(),
  ];
  const first = draw();
  expect(draw()).not.toEqual(first);
  setRandomState(state);
  expect(draw()).toEqual(first);
});

test("a generator has a stream of its own, repeated by its seed and by its state", () => {
  const generator = new Generator({ seed: 11 });
  const first = randn([6], { generator }).toNumbers();
  const state = generator.getState();
  const second = randn([6], { generator }).toNumbers();
  expect(second).not.toEqual(first);
  generator.setState(state);
  expect(randn([6], { generator }).toNumbers()).toEqual(second);
  generator.setSeed(11);
  expect(randn([6], { generator }).toNumbers()).toEqual(first);

  manualSeed(5);
  const alone = randn([3]).toNumbers();
  manualSeed(5);
  randn([100], { generator });
  expect(randn([3]).toNumbers()).toEqual(alone);
});

test("the same seed gives a generator and the default generator the same numbers", () => {
  manualSeed(42);
  expect(randn([4], { generator: new Generator({ seed: 42 }) }).toNumbers()).toEqual(randn([4]).toNumbers());
});

test("a state that is none is refused", () => {
  expect(() => {
    setRandomState(ones([3], { dtype: "uint8" }));
  }).toThrow(/Generator\.setState/);
});
