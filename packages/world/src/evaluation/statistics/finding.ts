// One number of a report with its interval and, in a sentence, what it says.
import type { Interval } from "./bootstrap.js";

/** A finding. */
export interface Finding extends Interval {
  /** Which test it belongs to: findings of one test follow each other. */
  readonly test: string;
  readonly name: string;
  readonly unit: string;
  /** Decimal places that it is worth. */
  readonly digits: number;
  /** What the number means, in one line. */
  readonly meaning: string;
  /** How many independent episodes it rests on. */
  readonly episodes: number;
  /** Two-sided, where something was compared. */
  readonly pValue?: number;
}

/** "0.83 [0.71, 0.92]": value and interval; "n/a" where nothing could be measured. */
export function intervalText({ value, low, high, digits, unit }: Omit<Finding, "test" | "name" | "meaning">): string {
  if (!Number.isFinite(value)) return "n/a";
  const show = (number: number): string => number.toFixed(digits);
  const interval = Number.isFinite(low) && Number.isFinite(high) ? ` [${show(low)}, ${show(high)}]` : "";
  return `${show(value)}${interval}${unit === "" ? "" : ` ${unit}`}`;
}

/** "p = 0.012", "p < 0.001"; empty where nothing was compared. */
export function pValueText(pValue: number | undefined): string {
  if (pValue === undefined) return "";
  return pValue < 0.001 ? "p < 0.001" : `p = ${pValue.toFixed(3)}`;
}
