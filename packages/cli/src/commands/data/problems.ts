// How problems with files are listed: the first ones in full, the rest counted, so that a summary stays readable.

const LISTED = 20;

/** A number of things: "1 problem", "2 problems". */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** Prints problems to standard error, one a line. */
export function printProblems(problems: readonly Error[]): void {
  for (const { message } of problems.slice(0, LISTED)) console.error(`  ${message}`);
  if (problems.length > LISTED) console.error(`  and ${problems.length - LISTED} more`);
}
