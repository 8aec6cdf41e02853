// Everything of the optimisation layer.

export { AdamW, type AdamWImplementation, type AdamWOptions } from "./adamw.js";
export { type ClippedGradients, clipGradients, clipGradNorm, type ClipOptions } from "./clip.js";
export { Ema, type EmaOptions } from "./ema.js";
export { fusedAdamwWorks } from "./fused.js";
export { GradScaler, type GradScalerOptions } from "./grad-scaler.js";
export { type CommonOptions, Optimizer } from "./optimizer.js";
export type { GroupOf, ParameterSet, ResolvedGroup } from "./parameters.js";
export * as schedules from "./schedules.js";
export type { Schedule } from "./schedules.js";
export { Sgd, type SgdOptions } from "./sgd.js";
