// Whether libtorch can train in a precision on a device: asked before anything is loaded, by a gradient of the smallest convolution.
import { InvalidArgumentError } from "@vid2world/formats";
import { Conv2d, libtorchVersion, ones, scope, TorchError } from "@vid2world/torch";
import type { Device } from "@vid2world/torch";
import type { TrainingSettings } from "./settings.js";
import { inPrecision } from "./train-step.js";

/** @throws InvalidArgumentError naming device, libtorch's version and the ways out. */
export function checkPrecision(settings: Pick<TrainingSettings, "device" | "precision">): void {
  const { device, precision } = settings;
  if (precision === "float32") return;
  try {
    scope(() => {
      const layer = new Conv2d(1, 1, 1).to(device as Device);
      inPrecision(settings, () => layer.forward(ones([1, 1, 2, 2], { device: device as Device })))
        .float()
        .sum()
        .backward();
    });
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    const wayOut =
      device === "cpu" && precision === "float16"
        ? "use bfloat16 or float32, or a newer libtorch (2.11 can)"
        : "use float32, or another device or libtorch";
    const message = `training.precision: libtorch ${libtorchVersion} cannot train in ${precision} on ${device}; ${wayOut}`;
    throw new InvalidArgumentError("training.precision", message);
  }
}
