// The device of a verification, and what makes its float32 exact.
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";

/** Reads `cpu`, `cuda` or `cuda:N`. */
export function checkDevice(name: string): Device {
  if (!/^(cpu|cuda(:\d+)?)$/.test(name)) throw invalid("--device", '"cpu", "cuda" or "cuda:N"', name);
  return name as Device;
}

/**
 * Keeps NVIDIA's libraries from rounding the factors of float32 products to ten bits (TF32), which they do for convolutions unless told
 * otherwise and which is off by more than the tolerances. They read the variable when they are loaded: call this before libtorch is.
 */
export function exactFloat32(device: Device): void {
  if (device !== "cpu") process.env["NVIDIA_TF32_OVERRIDE"] ??= "0";
}
