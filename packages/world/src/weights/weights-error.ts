// The one error of getting weights: what failed, with which file, and what to do.

/** Why a file could not be had. */
export type WeightsFault =
  "UNKNOWN_NAME" | "REFUSED" | "NOT_FOUND" | "OFFLINE" | "SERVER" | "CHECKSUM" | "NO_SPACE" | "BUSY" | "MISSING";

/** A file of weights is missing, wrong, or cannot be had. `code` says which. */
export class WeightsError extends Error {
  override readonly name = "WeightsError";
  readonly code: WeightsFault;

  constructor(code: WeightsFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
