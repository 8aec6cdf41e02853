// How tests run: in processes of their own (the native addon keeps state), few at a time (memory, cores).
import { defineConfig } from "vitest/config";

// eslint-disable-next-line no-restricted-syntax -- vitest wants a default export here; every other file has named ones.
export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/codegen/**/*.test.ts", "tests/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
