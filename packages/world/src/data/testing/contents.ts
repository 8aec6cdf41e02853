// For tests only: what is in a folder, to compare two of them.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Names of all files below a folder with the checksums of their contents, and names of folders. */
export function contents(path: string): string[] {
  const files = readdirSync(path, { recursive: true }).map(String).sort();
  return files.flatMap((file) => {
    if (statSync(join(path, file)).isDirectory()) return [file];
    return [
      `${file} ${createHash("sha256")
        .update(readFileSync(join(path, file)))
        .digest("hex")}`,
    ];
  });
}
