// What is remembered beside a file that was pulled: where it came from and its checksum, so that it can be verified where no source states one.
import { readFile, stat } from "node:fs/promises";
import { writeFileAtomically } from "@vid2world/formats";

/** The note beside a file. */
export interface Receipt {
  readonly from: string;
  readonly size: number;
  readonly sha256: string;
  /** What the checksum was compared with when the file came. */
  readonly checkedAgainst: "manifest" | "hub" | "nothing";
  /** ISO 8601. */
  readonly time: string;
}

const receiptPath = (path: string): string => `${path}.receipt.json`;

/** Writes the note. */
export async function writeReceipt(path: string, receipt: Omit<Receipt, "time">): Promise<void> {
  const time = new Date().toISOString();
  await writeFileAtomically(receiptPath(path), `${JSON.stringify({ ...receipt, time }, null, 2)}\n`);
}

/** Reads the note; undefined when there is none, or when it is about a file of another size. */
export async function readReceipt(path: string): Promise<Receipt | undefined> {
  try {
    const receipt = JSON.parse(await readFile(receiptPath(path), "utf8")) as Receipt;
    const { size } = await stat(path);
    return typeof receipt.sha256 === "string" && receipt.size === size ? receipt : undefined;
  } catch {
    return undefined;
  }
}
