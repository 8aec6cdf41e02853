// Where this repository is, whether this file runs from sources or compiled.
import { existsSync } from "node:fs";
import path from "node:path";

/** The repository's root folder; benchmarks need its configurations and its Python files. */
export function repositoryRoot(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "benchmarks/python/worker.py"))) return folder;
    if (folder === path.dirname(folder))
      throw new Error("vid2world bench runs in a checkout of the repository; benchmarks/python is not above this file");
  }
}
