// Reads timestamped inputs from CSV, JSONL, .npz or Parquet into rows that know where they stand in their file.
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { FormatError } from "@vid2world/formats";
import { readCsv } from "@vid2world/formats/csv";
import { readNpz } from "@vid2world/formats/npy/npz";
import { readParquetRows } from "@vid2world/formats/parquet";

/** A row of any table. */
export interface TableRow {
  /** "line 17" or "row 16", for messages. */
  readonly place: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Endings of the files that {@link readTable} reads, in the order in which they are looked for. */
export const TABLE_ENDINGS = [".csv", ".jsonl", ".npz", ".parquet"] as const;

/** Reads a whole table. The columns of a two-dimensional array in a .npz file are called NAME_0, NAME_1, ... */
export async function readTable(file: string): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for await (const row of rowsOf(file)) rows.push(row);
  return rows;
}

async function* rowsOf(file: string): AsyncGenerator<TableRow, void> {
  switch (extname(file).toLowerCase()) {
    case ".csv":
      for await (const { line, values } of readCsv(file)) yield { place: `line ${line}`, values };
      return;
    case ".jsonl":
      yield* readJsonLines(file);
      return;
    case ".npz":
      yield* readArrays(file);
      return;
    case ".parquet": {
      let i = 0;
      for await (const values of readParquetRows(file)) yield { place: `row ${i++}`, values };
      return;
    }
    default:
      throw new FormatError(file, `inputs must be one of ${TABLE_ENDINGS.join(", ")}`);
  }
}

/** One JSON object per line. */
export async function* readJsonLines(file: string): AsyncGenerator<TableRow, void> {
  const stream = createReadStream(file);
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  let line = 0;
  try {
    for await (const text of lines) {
      line++;
      if (text.trim() !== "") yield parseJsonLine(file, line, text);
    }
  } finally {
    lines.close();
    stream.destroy();
  }
}

/** Parses one line of a JSONL file or stream. */
export function parseJsonLine(file: string, line: number, text: string): TableRow {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(file, `line ${line}: not valid JSON: ${(cause as Error).message}`, undefined, { cause });
  }
  if (typeof values === "object" && values !== null && !Array.isArray(values)) {
    return { place: `line ${line}`, values: values as TableRow["values"] };
  }
  throw new FormatError(
    file,
    `line ${line}: a JSON object is needed, such as {"t": 1.5, "type": "keydown", "code": "KeyW"}`,
  );
}

async function* readArrays(file: string): AsyncGenerator<TableRow, void> {
  const columns = new Map<string, (row: number) => unknown>();
  let rows: number | undefined;
  for (const [name, { shape, data }] of await readNpz(file)) {
    const [length = 0, width = 1] = shape;
    if (shape.length !== 1 && shape.length !== 2)
      throw new FormatError(file, `array ${name} has ${shape.length} axes, not 1 or 2`);
    if (rows !== undefined && rows !== length)
      throw new FormatError(file, `array ${name} has ${length} rows, others ${rows}`);
    rows = length;
    for (let i = 0; i < width; i++) {
      columns.set(shape.length === 1 ? name : `${name}_${i}`, (row) => data[row * width + i]);
    }
  }
  for (let row = 0; row < (rows ?? 0); row++) {
    yield { place: `row ${row}`, values: Object.fromEntries([...columns].map(([name, at]) => [name, at(row)])) };
  }
}
