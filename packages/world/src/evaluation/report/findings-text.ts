// Findings as people read them: a block per test for terminals, one table for Markdown.
import { type Finding, intervalText, pValueText } from "../statistics/finding.js";

/** Findings by test, in the order of their first finding. */
export function findingsByTest(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) groups.set(finding.test, [...(groups.get(finding.test) ?? []), finding]);
  return groups;
}

/** A block per test: name, value with interval, p-value; below each its meaning. */
export function findingsText(findings: readonly Finding[]): string {
  const widest = Math.max(...findings.map(({ name }) => name.length));
  const blocks = [...findingsByTest(findings)].map(([test, some]) =>
    [test, ...some.flatMap((finding) => lines(finding, widest))].join("\n"),
  );
  return blocks.join("\n\n");
}

function lines(finding: Finding, widest: number): string[] {
  const value = `${intervalText(finding)}  ${pValueText(finding.pValue)}`.trimEnd();
  return [`  ${finding.name.padEnd(widest)}  ${value}`, `    ${finding.meaning}`];
}

/** One Markdown table of all findings. */
export function findingsMarkdown(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => [
    finding.test,
    finding.name,
    intervalText(finding),
    pValueText(finding.pValue),
    finding.meaning,
  ]);
  const head = ["test", "what", "value [95 % interval]", "p", "meaning"];
  const bar = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [bar(head), bar(head.map(() => "---")), ...rows.map(bar)].join("\n");
}
