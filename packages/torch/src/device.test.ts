// Devices and threads: what CUDA calls answer where there is no CUDA, and settings of the process.
import { describe, expect, test } from "vitest";
import { buildInfo, cuda, getNumThreads, ones, releaseFreeMemory, setNumThreads } from "./index.js";

describe.skipIf(cuda.isAvailable())("without a CUDA device (skipped where there is one)", () => {
  test("the calls answer: none, nothing to wait for, nothing cached", () => {
    expect(cuda.deviceCount()).toBe(0);
    cuda.synchronize();
    cuda.emptyCache();
    expect(cuda.memory()).toBeUndefined();
  });

  test("a tensor cannot go there, and the error says what there is", () => {
    expect(() => ones([1]).to("cuda:0")).toThrow(/"cuda:0" is not here, libtorch [\d.]+ sees .*doctor/);
    expect(() => ones([1], { device: "cuda" })).toThrow(/is not here/);
  });
});

test("the number of threads is set for the process", () => {
  const before = getNumThreads();
  try {
    setNumThreads(1);
    expect(getNumThreads()).toBe(1);
    expect(() => {
      setNumThreads(0);
    }).toThrow(/positive/);
  } finally {
    setNumThreads(before);
  }
});

test("libtorch describes its build", () => {
  expect(buildInfo()).toMatch(/C\+\+/);
});

const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;

test.skipIf(glibc === undefined)(
  "freed memory between tensors that live goes back to the system (skipped without glibc)",
  () => {
    const tensors = Array.from({ length: 2000 }, () => ones([16 * 1024])); // 125 MiB, below what the C library maps by itself
    for (const [index, tensor] of tensors.entries()) if (index % 50 !== 0) tensor.dispose();
    const before = process.memoryUsage.rss();
    releaseFreeMemory();
    expect(before - process.memoryUsage.rss()).toBeGreaterThan(80 * 2 ** 20);
    for (const [index, tensor] of tensors.entries()) if (index % 50 === 0) tensor.dispose();
  },
);
