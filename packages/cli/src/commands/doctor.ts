// `vid2world doctor`: what this installation has, what is missing, and how to get it.
import { Command } from "@commander-js/extra-typings";
import pc from "picocolors";

import type { Finding, FindingState } from "../doctor/finding.js";

const EXAMPLES = `
Examples:
  vid2world doctor                                        what this installation has
  LIBTORCH=/opt/libtorch vid2world doctor                 with another libtorch, for which the addon is built again
  LIBTORCH=$(scripts/fetch-libtorch.sh) vid2world doctor  with a current one from PyPI, fetched once
  VID2WORLD_REBUILD=1 vid2world doctor                    looks for libtorch again and builds everything anew`;

/** Builds the command. Its exit code is 1 when something is missing. */
export function doctorCommand() {
  return new Command()
    .description(
      "Show what this installation has, what is missing, and how to get it. Exit code 1 if anything is missing.",
    )
    .option("--json", "print the findings as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async ({ json }) => {
      const { systemFindings } = await import("../doctor/system.js");
      const { engineFindings } = await import("../doctor/engine.js");
      const findings = [...(await systemFindings()), ...(await engineFindings())];
      console.log(json ? JSON.stringify({ findings }, null, 2) : showFindings(findings));
      if (findings.some(({ state }) => state === "missing")) process.exitCode = 1;
    });
}

const MARKS: Record<FindingState, string> = {
  ok: pc.green("ok     "),
  warning: pc.yellow("warning"),
  missing: pc.red("missing"),
};

/** The findings as aligned lines, hints below, and one closing sentence. */
export function showFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, value, state, hint }) => {
    const line = `${MARKS[state]}  ${name.padEnd(width)}  ${value}`;
    return hint === undefined ? [line] : [line, `${" ".repeat(width + 11)}${hint}`];
  });
  const open = findings.filter(({ state }) => state !== "ok").length;
  return [...lines, "", open === 0 ? "Everything is there." : `${open} of ${findings.length} need attention.`].join(
    "\n",
  );
}
