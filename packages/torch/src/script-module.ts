// TorchScript modules: networks that are published as programs, not as weights.
import { native } from "./binding.js";
import { type Device, deviceCode } from "./dtype.js";
import { Tensor } from "./tensor.js";

/** How a script is called. */
export interface ScriptCall {
  /** Default `forward`. */
  readonly method?: string;
  /** Keyword arguments. */
  readonly keywords?: Readonly<Record<string, boolean | number>>;
}

/**
 * A loaded TorchScript module in evaluation mode. **It is a program**: its operators are libtorch's, but what it does with them is up to
 * whoever saved it. Load only files that you know, by their checksum. The collector frees it.
 */
export class ScriptModule {
  readonly #script: unknown;

  /** Loads `path`. @throws TorchError for a file that is no TorchScript or needs operators that this libtorch lacks. */
  constructor(path: string, { device = "cpu" }: { readonly device?: Device } = {}) {
    this.#script = native.loadScript(path, deviceCode(device));
  }

  /** Calls the module; the result must be one tensor. */
  call(inputs: readonly Tensor[], { method = "forward", keywords = {} }: ScriptCall = {}): Tensor {
    const handles = inputs.map((input) => input.handle);
    return new Tensor(native.callScript(this.#script, method, handles, Object.keys(keywords), Object.values(keywords)));
  }
}
