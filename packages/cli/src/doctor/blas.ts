// Which matrix library this process really uses. What libtorch was built with says little: Debian's calls whatever
// libblas.so.3 the system provides.
import { readFile } from "node:fs/promises";

const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/\/libmkl_/, "Intel MKL"],
  [/\/libopenblas|\/openblas[^/]*\//, "OpenBLAS"],
  [/\/libblis|\/blis[^/]*\//, "BLIS"],
  [/\/libatlas|\/atlas\//, "ATLAS"],
  [/\/blas\/libblas\.so/, "reference BLAS"],
];

/** The matrix library among the mapped files of this process; undefined if none is known (it may be inside libtorch). */
export async function loadedBlas(): Promise<string | undefined> {
  return blasAmong(await readFile("/proc/self/maps", "utf8").catch(() => ""));
}

/** The same for the text of a `/proc/PID/maps`. */
export function blasAmong(maps: string): string | undefined {
  return KNOWN.find(([pattern]) => pattern.test(maps))?.[1];
}
