// What @vid2world/world offers at its door: worlds to load, play and save. Everything else by subpath, `@vid2world/world/diffusion/loss`.
export * from "./world-model.js";
export * from "./world-folder.js";
export * from "./world-config.js";
export * from "./world-actions.js";
export { type WorldState, releaseState, retainState } from "./world-state.js";
export { networkOf } from "./world-network.js";
export { type SceneDescriber, type SceneNetworks, emptyText, sceneDescriber } from "./world-scene.js";
export { type WorldCodec, worldCodec } from "./world-codec.js";
export { loadConfig, saveConfig } from "./config/load.js";
export { ConfigError } from "./config/config-error.js";
export {
  Environment,
  type EnvironmentAction,
  type EnvironmentOptions,
  type EnvironmentStart,
  type Observation,
  openEnvironment,
} from "./serving/environment.js";
