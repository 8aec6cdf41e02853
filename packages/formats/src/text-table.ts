// Tables of text: the first column to the left, numbers to the right.

/** Rows of equal length, the first one the heading, as lines of aligned columns. */
export function alignedLines(rows: readonly (readonly string[])[]): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}

/** The same as one text, with a rule below the heading. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const [heading = "", ...body] = alignedLines(rows);
  const rule = columnWidths(rows).map((width) => "-".repeat(width));
  return [heading, rule.join("  "), ...body].join("\n");
}

const columnWidths = (rows: readonly (readonly string[])[]): number[] =>
  (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
