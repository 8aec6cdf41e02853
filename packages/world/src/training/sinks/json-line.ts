// Appending to files of one JSON object per line.
import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";

/** Appends a line, whole, and makes the folder if need be. Numbers that JSON has no word for (NaN, infinities) become null. */
export function appendJsonLine(file: string, value: object): void {
  const line = `${JSON.stringify(value)}\n`;
  try {
    appendFileSync(file, line);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(path.dirname(file), { recursive: true });
    appendFileSync(file, line);
  }
}
