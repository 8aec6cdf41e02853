// The one error of a wrong configuration: every problem of the file at once, each with its place and what to do.

/** One problem of a configuration. `file`, `line` and `column` (both from 1) are absent when no text of a file is to blame. */
export interface ConfigIssue {
  /** Dotted path of the setting, for instance `training.batchSize`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
  /** The file that holds the text: the configuration itself or the one that it extends. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A configuration that cannot be used. The message lists all issues, one a line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly file: string;
  readonly issues: readonly ConfigIssue[];

  constructor(file: string, issues: readonly ConfigIssue[]) {
    super(`ConfigError in ${file}\n${formatIssues(file, issues)}`);
    this.file = file;
    this.issues = issues;
  }
}

function formatIssues(file: string, issues: readonly ConfigIssue[]): string {
  const places = issues.map((issue) => placeOf(file, issue));
  const paths = issues.map((issue) => issue.path || "(document)");
  const placeWidth = Math.max(...places.map((place) => place.length));
  const pathWidth = Math.max(...paths.map((path) => path.length));
  return issues
    .map((issue, i) =>
      `  ${(places[i] ?? "").padEnd(placeWidth)}  ${(paths[i] ?? "").padEnd(pathWidth)}  ${issue.message}`.trimEnd(),
    )
    .join("\n");
}

function placeOf(file: string, issue: ConfigIssue): string {
  if (issue.line === undefined) return "-";
  const position = `${issue.line}:${issue.column ?? 1}`;
  return issue.file === undefined || issue.file === file ? position : `${issue.file}:${position}`;
}
