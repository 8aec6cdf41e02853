// Appending to files of one JSON object per line.
import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import path from "node:path";

/** Files that this process has appended to. */
const begun = new Set<string>();

/**
 * Appends a line, whole, and makes the folder if need be. Numbers that JSON has no word for (NaN, infinities) become null. A line that a
 * process before this one left unfinished (a full disk, a machine that went down) is ended first, so that only that one is lost.
 */
export function appendJsonLine(file: string, value: object): void {
  const isFirst = !begun.has(file);
  begun.add(file);
  const line = `${isFirst && endsInTheMiddle(file) ? "\n" : ""}${JSON.stringify(value)}\n`;
  try {
    appendFileSync(file, line);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(path.dirname(file), { recursive: true });
    appendFileSync(file, line);
  }
}

function endsInTheMiddle(file: string): boolean {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch {
    return false; // not there yet
  }
  try {
    const { size } = fstatSync(handle);
    const last = new Uint8Array(1);
    return size > 0 && readSync(handle, last, 0, 1, size - 1) === 1 && last[0] !== 10;
  } finally {
    closeSync(handle);
  }
}
