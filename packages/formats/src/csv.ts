// Reads CSV files with a header line, over csv-parse; a bad row is a FormatError with file and line.
import { createReadStream } from "node:fs";
import { parse, type CsvError } from "csv-parse";
import { FormatError } from "./errors.js";

/** One row of a CSV file: its line in the file, from 1, and its values by column name. */
export interface CsvRow {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/** Reads rows in order. Every row must have as many values as the header line; empty lines are skipped. */
export async function* readCsv(file: string): AsyncGenerator<CsvRow, void> {
  const parser = parse({ columns: true, bom: true, info: true, skip_empty_lines: true, trim: true });
  const source = createReadStream(file);
  source.once("error", (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { info, record } of parser as AsyncIterable<{
      info: { lines: number };
      record: CsvRow["values"];
    }>) {
      yield { line: info.lines, values: record };
    }
  } catch (cause) {
    const { code, message, lines } = cause as CsvError & { lines?: number };
    if (typeof code !== "string" || !code.startsWith("CSV_")) throw cause;
    throw new FormatError(file, lines === undefined ? message : `line ${lines}: ${message}`, undefined, { cause });
  } finally {
    source.destroy();
  }
}
