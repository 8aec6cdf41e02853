// How a verification is shown: a line per case while it runs, the sum at the end, or all of it as JSON.
import type { Check } from "@vid2world/world/evaluation/verification/check";
import {
  countOutcome,
  worstCheck,
  type CaseResult,
  type Outcome,
  type VerificationReport,
} from "@vid2world/world/evaluation/verification/run-verification";
import { libtorchVersion } from "@vid2world/torch";
import pc from "picocolors";

const MARKS: Record<Outcome, string> = {
  passed: pc.green("ok    "),
  failed: pc.red("FAILED"),
  skipped: pc.yellow("skip  "),
  measured: pc.cyan("info  "),
};

const MARK_WIDTH = 8;
const NAME_WIDTH = 40;
/** Failed comparisons of one case that are shown; the JSON form has all. */
const SHOWN = 5;

/** What the numbers below it are. */
export function heading(directory: string, device: string, dtype: string): string {
  return [
    `${directory} on ${device}, networks in ${dtype}, libtorch ${libtorchVersion}`,
    `${"".padEnd(MARK_WIDTH)}${"case".padEnd(NAME_WIDTH)}  abs. error  rel. error   tolerance  of (tensor with the worst error)`,
  ].join("\n");
}

/** One line for a case with its worst comparison; failed ones name every tensor that is off. */
export function resultLines(result: CaseResult): string[] {
  const { name, outcome, reason, checks } = result;
  const start = `${MARKS[outcome]}  ${name.padEnd(NAME_WIDTH)}`;
  if (reason !== undefined) return [`${start}  ${reason}`];
  const worst = worstCheck(result);
  if (worst === undefined) return [start];
  const failed = checks.filter(({ passed }) => !passed);
  const more = outcome === "failed" ? failed.filter((check) => check !== worst) : [];
  const hidden = more.length - SHOWN;
  return [
    `${start}  ${figures(worst)}`,
    ...more.slice(0, SHOWN).map((check) => `${" ".repeat(MARK_WIDTH + NAME_WIDTH)}  ${figures(check)}`),
    ...(hidden > 0 ? [`${" ".repeat(MARK_WIDTH + NAME_WIDTH)}  and ${hidden} more`] : []),
  ];
}

function figures({ name, maxAbs, maxRel, allowed, note }: Check): string {
  const columns = [maxAbs, maxRel, allowed].map((value) => figure(value).padStart(10)).join("  ");
  return `${columns}  ${name}${note === undefined ? "" : ` (${note})`}`;
}

const figure = (value: number): string =>
  value === 0 ? "0" : Number.isFinite(value) ? value.toExponential(1) : Number.isNaN(value) ? "-" : "any";

/** Everything after the cases. The last line is the verdict. */
export function summaryLines(report: VerificationReport): string[] {
  const [skipped, measured] = [countOutcome(report, "skipped"), countOutcome(report, "measured")];
  const { ignored, dtype, cases } = report;
  const seconds = cases.reduce((sum, result) => sum + result.seconds, 0);
  return [
    "",
    ...(ignored.length > 0 ? [`no cases known here: ${ignored.join(", ")}`] : []),
    ...(measured > 0
      ? [`${measured} measured only: the tolerances are float32's, not ${dtype}'s (--strict judges)`]
      : []),
    ...(skipped > 0 ? [`${skipped} skipped, with the reason beside each`] : []),
    `${seconds.toFixed(0)} s`,
    `${countOutcome(report, "passed")} passed, ${countOutcome(report, "failed")} failed`,
  ];
}

/** The report as JSON. Numbers that JSON does not have are the strings "nan", "inf" and "-inf", as in the recorded files. */
export function reportJson(report: VerificationReport): string {
  const counts = Object.fromEntries(
    (["passed", "failed", "skipped", "measured"] as const).map((outcome) => [outcome, countOutcome(report, outcome)]),
  );
  return JSON.stringify(
    { libtorch: libtorchVersion, ...report, ...counts },
    (_key, value: unknown) => jsonNumber(value),
    1,
  );
}

function jsonNumber(value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
