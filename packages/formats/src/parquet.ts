// Reads Parquet files as rows, a part at a time, over hyparquet; damage becomes a FormatError that names the file.
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FormatError } from "./errors.js";

/** One row by column name. 64-bit integers are bigints, lists arrays, bytes Uint8Arrays, missing values null. */
export type ParquetRow = Readonly<Record<string, unknown>>;

/** What to read. */
export interface ReadParquetOptions {
  /** Columns, by their top names; a missing one is an error. Default: all. */
  readonly columns?: readonly string[];
  /** First row (default 0) and the row to stop before (default: all). */
  readonly start?: number;
  readonly end?: number;
  /** Rows that are in memory at once. Default 4096. */
  readonly rowsAtOnce?: number;
}

/** Number of rows and names of the top columns. */
export interface ParquetInfo {
  readonly rows: number;
  readonly columns: readonly string[];
}

/** Reads what a file holds from its footer. */
export async function readParquetInfo(file: string): Promise<ParquetInfo> {
  return (await openParquet(file)).info;
}

/** Reads rows in order. */
export async function* readParquetRows(
  file: string,
  { columns, start = 0, end, rowsAtOnce = 4096 }: ReadParquetOptions = {},
): AsyncGenerator<ParquetRow, void> {
  const { buffer, metadata, info } = await openParquet(file);
  for (const column of columns ?? []) {
    if (info.columns.includes(column)) continue;
    throw new FormatError(file, `has no column "${column}"; it has ${info.columns.join(", ")}`);
  }
  const stop = Math.min(end ?? info.rows, info.rows);
  for (let row = start; row < stop; row += rowsAtOnce) {
    const part = { rowStart: row, rowEnd: Math.min(stop, row + rowsAtOnce) };
    // utf8: false leaves bytes alone; columns that are declared to be text are text all the same.
    const options = { file: buffer, metadata, compressors, utf8: false, ...part };
    const rows = await guarded(file, `rows ${part.rowStart} to ${part.rowEnd}`, () =>
      parquetReadObjects(columns === undefined ? options : { ...options, columns: [...columns] }),
    );
    yield* rows as ParquetRow[];
  }
}

async function openParquet(file: string) {
  const buffer = await asyncBufferFromFile(file);
  const metadata = await guarded(file, "its footer", () => parquetMetadataAsync(buffer));
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  return { buffer, metadata, info: { rows: Number(metadata.num_rows), columns } };
}

async function guarded<T>(file: string, what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new FormatError(file, `${what} cannot be read: ${(cause as Error).message}`, undefined, { cause });
  }
}
