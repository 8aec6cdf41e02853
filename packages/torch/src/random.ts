// Random generators with a state that can be saved and restored.
import { native } from "./binding.js";
import { deviceCode, type Device } from "./dtype.js";
import { Tensor } from "./tensor.js";

const collector = new FinalizationRegistry<number>((index) => {
  native.freeGenerator(index);
});

/** A generator of its own, on a device: the same seed gives the same numbers as torch.Generator of PyTorch. */
export class Generator {
  /** @internal Index in the native list; 0 is the default generator of the CPU. */
  readonly index: number;
  constructor(options: { readonly device?: Device; readonly seed?: number } = {}) {
    this.index = native.createGenerator(deviceCode(options.device ?? "cpu"), options.seed ?? 0);
    collector.register(this, this.index);
  }
  /** Starts over from a seed. */
  setSeed(seed: number): void {
    native.setSeed(this.index, seed);
  }
  /** The state as a uint8 tensor. */
  getState(): Tensor {
    return new Tensor(native.getRandomState(this.index));
  }
  /** Goes back to a state from `getState`. */
  setState(state: Tensor): void {
    native.setRandomState(this.index, state.handle);
  }
}

/** Seeds the default generators of every device. */
export const manualSeed = (seed: number): void => {
  native.manualSeed(seed);
};
/** The state of the CPU's default generator as a uint8 tensor. */
export const getRandomState = (): Tensor => new Tensor(native.getRandomState(0));
/** Puts the CPU's default generator back to a state from `getRandomState`. */
export const setRandomState = (state: Tensor): void => {
  native.setRandomState(0, state.handle);
};
