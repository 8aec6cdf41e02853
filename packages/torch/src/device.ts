// Devices and threads. On a CPU build the CUDA calls answer sensibly: no device, nothing to wait for, no memory in use.
import { native } from "./binding.js";

export interface CudaMemory {
  readonly allocatedBytes: number;
  readonly peakBytes: number;
  readonly reservedBytes: number;
}

export const cuda = {
  /** True if libtorch was built with CUDA and a device answers. */
  isAvailable: (): boolean => native.cudaDeviceCount() > 0,
  deviceCount: (): number => native.cudaDeviceCount(),
  /** Waits for all work of a device. */
  synchronize: (index = 0): void => {
    native.synchronize(index);
  },
  /** Bytes held by the caching allocator; undefined where there is none. */
  memory: (index = 0): CudaMemory | undefined => {
    const stats = native.cudaMemory(index);
    return stats && { allocatedBytes: stats[0], peakBytes: stats[1], reservedBytes: stats[2] };
  },
  emptyCache: (): void => {
    native.emptyCache();
  },
} as const;

/** Threads that one operator may use. */
export const getNumThreads = (): number => native.getThreads();
export const setNumThreads = (count: number): void => {
  native.setThreads(count);
};
/** libtorch's own description of its build: compiler, BLAS, instruction sets. */
export const buildInfo = (): string => native.buildInfo();
/** Refuses operators that have no deterministic form, and lets cuDNN choose deterministic ones. */
export const useDeterministicAlgorithms = (on: boolean): void => {
  native.setDeterministic(on);
};
