// Loads the native addon over libtorch: the only import of it in the whole repository, and the types of what it exports.
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { addonPath } from "./addon-path.js";
import { DisposedTensorError, OutOfMemoryError, TorchError } from "./errors.js";

/** The addon's functions; tensors are handles (integers), see native/src. */
export interface Native {
  readonly scratch: Float64Array;
  readonly version: string;
  setErrorClasses(
    torch: typeof TorchError,
    disposed: typeof DisposedTensorError,
    memory: typeof OutOfMemoryError,
  ): void;
  // dispatch.cc
  call(operator: number): void;
  declare(name: string, overload: string, signature: string): number;
  intern(text: string): number;
  schema(name: string, overload: string): string | undefined;
  operators(): string[];
  // tensor.cc
  free(count: number): void;
  fromTypedArray(array: ArrayBufferView, shape: readonly number[], share: boolean): number;
  toTypedArray(handle: number, share: boolean): TypedArray;
  writeBytes(handle: number, bytes: Uint8Array): void;
  readBytes(handle: number): Uint8Array;
  meta(handle: number): void;
  strides(handle: number): void;
  item(handle: number): number | bigint;
  setData(handle: number, source: number): void;
  describe(handle: number): string;
  liveTensors(): number;
  liveBytes(): number;
  setCollected(handle: number, on: boolean): void;
  // autograd.cc
  backward(count: number, retainGraph: boolean): void;
  gradients(outputs: number, inputs: number, retainGraph: boolean, createGraph: boolean, allowUnused: boolean): void;
  checkpoint(outputs: number, inputs: number, recompute: () => number[]): void;
  backwardOnHelperThread(always: boolean): void;
  gradModeEnabled(): boolean;
  setGradMode(enabled: boolean): void;
  enterInference(): void;
  leaveInference(): void;
  requiresGrad(handle: number): boolean;
  setRequiresGrad(handle: number, flag: boolean): void;
  getGrad(handle: number): number;
  setGrad(handle: number, gradient: number): void;
  clearGrads(count: number): void;
  grads(count: number): void;
  // trace.cc
  traceBegin(count: number): void;
  weightLayouts(): unknown;
  traceEnd(count: number, layouts?: unknown): unknown;
  traceCancel(): void;
  traceRun(trace: unknown, count: number): void;
  traceRunAside(trace: unknown, count: number): Promise<number[]>;
  traceSteps(trace: unknown): [operator: string, given: number[][], results: number[][]][];
  // cuda-graph.cc
  hasCudaGraphs(): boolean;
  cudaGraphCapture(trace: unknown, count: number): NativeGraph;
  cudaGraphReplay(graph: NativeGraph): void;
  cudaGraphRelease(graph: NativeGraph): void;
  // jit.cc
  loadScript(path: string, device: number): unknown;
  callScript(
    script: unknown,
    method: string,
    tensors: readonly number[],
    names: readonly string[],
    values: readonly (boolean | number)[],
  ): number;
  // random.cc
  manualSeed(seed: number): void;
  createGenerator(device: number, seed: number): number;
  freeGenerator(index: number): void;
  setSeed(index: number, seed: number): void;
  getRandomState(index: number): number;
  setRandomState(index: number, state: number): void;
  // device.cc
  cudaDeviceCount(): number;
  synchronize(index: number): void;
  cudaMemory(index: number): [number, number, number] | undefined;
  emptyCache(): void;
  releaseFreeMemory(): void;
  getThreads(): number;
  setThreads(count: number): void;
  buildInfo(): string;
  setDeterministic(on: boolean): void;
  setAutocast(device: number, enabled: boolean, type: number): [boolean, number];
  autocastEnter(): void;
  autocastLeave(): void;
  // distributed.cc, reducer.cc; all but `backends` only where that names "gloo". What they hand out is opaque.
  backends(): string[];
  openStore(host: string, port: number, server: boolean, timeoutMs: number): Promise<NativeStore>;
  storeSet(store: NativeStore, key: string, value: string): Promise<void>;
  storeGet(store: NativeStore, key: string): Promise<string | undefined>;
  startHeartbeat(
    host: string,
    port: number,
    key: string,
    intervalMs: number,
    timeoutMs: number,
  ): Promise<NativeHeartbeat>;
  stopHeartbeat(heartbeat: NativeHeartbeat): Promise<void>;
  openGroup(
    ...args: [NativeStore, name: string, backend: string, rank: number, size: number, address: string, device: string, timeoutMs: number] // prettier-ignore
  ): Promise<NativeGroup>;
  closeGroup(group: NativeGroup): Promise<void>;
  collective(group: NativeGroup, what: string, count: number, argument: number): Promise<void>;
  createReducer(group: NativeGroup, count: number, bucketBytes: number): NativeReducer;
  reducerStart(reducer: NativeReducer): void;
  reducerFinish(reducer: NativeReducer): Promise<void>;
}

/** Native objects that JavaScript only passes on; each kind is told from the others by a property that does not exist. */
export type NativeStore = { readonly native: "store" };
export type NativeHeartbeat = { readonly native: "heartbeat" };
export type NativeGroup = { readonly native: "group" };
export type NativeReducer = { readonly native: "reducer" };
export type NativeGraph = { readonly native: "graph" };

/** The typed arrays that tensors are copied into. */
export type TypedArray = Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** The loader's message without the list of files that asked for the addon. */
const firstLine = (error: unknown): string => String(error).split("\n")[0] ?? "";

/** Functions that older builds lack, one for each change of the addon. */
const NEWER = [
  "clearGrads",
  "callScript",
  "backends",
  "traceRunAside",
  "cudaGraphCapture",
] as const satisfies readonly (keyof Native)[];

function load(): Native {
  const path = addonPath("vid2world_torch");
  const native = open(path);
  const missing = NEWER.filter((name) => typeof native[name] !== "function");
  if (missing.length === 0) return native;
  throw new TorchError(
    `native addon: ${path} was built from older sources (it has no ${missing.join(", ")}); ` +
      "build it again (npm run build:native), or unset VID2WORLD_NATIVE if that names it",
  );
}

function open(path: string): Native {
  // Threads that spin while they wait cost more than they save as soon as anything else wants the cores.
  process.env["OMP_WAIT_POLICY"] ??= "PASSIVE";
  try {
    return createRequire(import.meta.url)(path) as Native;
  } catch (error) {
    throw new TorchError(
      `native addon: ${path} cannot be loaded (${firstLine(error)}); rebuild it against the libtorch of this machine: npm run build:native`,
    );
  }
}

export const native = load();
native.setErrorClasses(TorchError, DisposedTensorError, OutOfMemoryError);
// libtorch's own default is one thread where its OpenMP cannot read the machine.
if (!process.env["OMP_NUM_THREADS"]) native.setThreads(availableParallelism());

/** Arguments and results of operator calls (native/src/dispatch.cc). */
export const scratch = native.scratch;

/** True if the loaded libtorch has the operator: `has("scaled_dot_product_attention")`, `has("add.Tensor")`. */
export function has(operator: string): boolean {
  const [name = "", overload = ""] = operator.split(".");
  return native.schema(name.includes("::") ? name : `aten::${name}`, overload) !== undefined;
}

/** The version of libtorch's headers that the addon was built with, "1.13.0". */
export const libtorchVersion = native.version;
