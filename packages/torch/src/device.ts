// Devices and threads. On a CPU build the CUDA calls answer sensibly: no device, nothing to wait for, no memory in use.
import { native } from "./binding.js";

/** Memory of libtorch's caching allocator on one CUDA device. */
export interface CudaMemory {
  readonly allocatedBytes: number;
  readonly peakBytes: number;
  readonly reservedBytes: number;
}

/** What is known about CUDA devices, and waiting for them. */
export const cuda = {
  /** True if libtorch was built with CUDA and a device answers. */
  isAvailable: (): boolean => native.cudaDeviceCount() > 0,
  /** 0 on a CPU build. */
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
  /** Gives cached memory that is not in use back to the device. */
  emptyCache: (): void => {
    native.emptyCache();
  },
} as const;

/** Threads that one operator may use. */
export const getNumThreads = (): number => native.getThreads();
/** Sets how many threads one operator may use, for the whole process. */
export const setNumThreads = (count: number): void => {
  native.setThreads(count);
};
/**
 * Gives memory of freed tensors on the CPU back to the system. glibc keeps freed pages below whatever still lies above them, so that a process whose
 * tensors come and go for hours grows although what it holds does not. Takes time in proportion to what is given back; does nothing with
 * another C library.
 */
export const releaseFreeMemory = (): void => {
  native.releaseFreeMemory();
};
/** libtorch's own description of its build: compiler, BLAS, instruction sets. */
export const buildInfo = (): string => native.buildInfo();
/** Refuses operators that have no deterministic form, and lets cuDNN choose deterministic ones. */
export const useDeterministicAlgorithms = (on: boolean): void => {
  native.setDeterministic(on);
};
