// Recognising the matrix library among mapped files.
import { expect, test } from "vitest";

import { blasAmong } from "./blas.js";

const line = (path: string): string => `7f60-7f61 r-xp 00000000 08:01 42    ${path}\n`;

test("the library behind Debian's libblas.so.3 is recognised by where it lies", () => {
  expect(blasAmong(line("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"))).toBe("reference BLAS");
  expect(blasAmong(line("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3"))).toBe("OpenBLAS");
  expect(blasAmong(line("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblasp-r0.3.21.so"))).toBe("OpenBLAS");
});

test("a fast library wins over a reference library that is mapped beside it", () => {
  expect(blasAmong(line("/usr/lib/blas/libblas.so.3") + line("/opt/intel/lib/libmkl_core.so.2"))).toBe("Intel MKL");
});

test("no known library is undefined, not a guess", () => {
  expect(blasAmong(line("/usr/lib/libtorch_cpu.so"))).toBeUndefined();
});
