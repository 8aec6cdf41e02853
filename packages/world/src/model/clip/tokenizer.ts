// The text tower's tokenizer: text to the numbers of CLIP's byte pair vocabulary (arXiv:2103.00020, section 2.4).
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";

import { FormatError } from "@vid2world/formats";
import { tensor, type Tensor } from "@vid2world/torch";
import { decodeHTML } from "entities";

import { bytePairEncoder } from "./bpe.js";
import { repairText } from "./repair-text.js";

/** The one vocabulary there is, as OpenAI published it; OpenCLIP uses the same file. */
export const clipVocabulary = {
  name: "bpe_simple_vocab_16e6.txt.gz",
  origin: "https://github.com/openai/CLIP/blob/main/clip/bpe_simple_vocab_16e6.txt.gz",
  bytes: 1_356_917,
  sha256: "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
} as const;

/** Merges in use; with a piece for every byte, inside and at the end of a word, and two special tokens they make 49,408 tokens. */
const MERGES = 49408 - 2 * 256 - 2;
const START = "<start_of_text>";
const END = "<end_of_text>";

/** Special tokens, contractions, words, single digits, and runs of anything else. */
const WORDS = /<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/giu;

/** Turns texts into tokens. */
export interface ClipTokenizer {
  /** Size of the vocabulary; the last two tokens are start and end. */
  readonly vocabularySize: number;
  /** Tokens of a text without start and end. */
  encode(text: string): number[];
  /** Texts as rows of `contextLength` tokens (77): start, text, end, zeros. A longer text is cut and still ends with the end token. */
  rows(texts: readonly string[], contextLength?: number): number[][];
  /** The same as a tensor int64 `[B contextLength]`, which the text tower takes. */
  tokenize(texts: readonly string[], contextLength?: number): Tensor;
}

/**
 * Reads the vocabulary and makes a tokenizer of it. The file is not part of this package; any other than the published one is refused.
 *
 * @example
 * const tokenizer = await loadTokenizer("bpe_simple_vocab_16e6.txt.gz");
 * textTower.forward(tokenizer.tokenize(["a robot arm"]));
 */
export async function loadTokenizer(vocabularyFile: string): Promise<ClipTokenizer> {
  return clipTokenizer(await readMerges(vocabularyFile));
}

/** A tokenizer from merges in order of rank. */
export function clipTokenizer(merges: readonly string[]): ClipTokenizer {
  const encoder = bytePairEncoder(merges);
  const [start, end] = [encoder.size, encoder.size + 1];
  const special = new Map([
    [START, start],
    [END, end],
  ]);
  const known = new Map<string, readonly number[]>();

  const encodeWord = (word: string): readonly number[] => {
    const number = special.get(word);
    if (number !== undefined) return [number];
    const before = known.get(word);
    if (before !== undefined) return before;
    const encoded = encoder.encode(word);
    known.set(word, encoded);
    return encoded;
  };
  const encode = (text: string): number[] => (cleanText(text).match(WORDS) ?? []).flatMap(encodeWord);
  const row = (text: string, length: number): number[] => {
    const tokens = [start, ...encode(text).slice(0, length - 2), end];
    return [...tokens, ...Array.from({ length: length - tokens.length }, () => 0)];
  };
  const rows = (texts: readonly string[], contextLength = 77): number[][] =>
    texts.map((text) => row(text, contextLength));

  return {
    vocabularySize: encoder.size + 2,
    encode,
    rows,
    tokenize: (texts, contextLength) => tensor(rows(texts, contextLength), { dtype: "int64" }),
  };
}

/** Text as the tower was trained on it: repaired, entities resolved, spaces single, lower case. */
export function cleanText(text: string): string {
  return decodeHTML(decodeHTML(repairText(text)))
    .trim()
    .replace(/\s+/g, " ")
    .toLowerCase();
}

async function readMerges(file: string): Promise<string[]> {
  const { name, origin, bytes, sha256 } = clipVocabulary;
  const where = `CLIP's vocabulary is ${name} (${bytes.toLocaleString("en")} bytes) from ${origin}`;
  let packed: Buffer;
  try {
    packed = await readFile(file);
  } catch (cause) {
    throw new FormatError(
      file,
      `can not be read (${(cause as NodeJS.ErrnoException).code ?? "error"}); ${where}`,
      undefined,
      { cause },
    );
  }
  const found = createHash("sha256").update(packed).digest("hex");
  if (found !== sha256)
    throw new FormatError(file, `another file: ${packed.length} bytes with sha256 ${found}, not ${sha256}; ${where}`);
  // The first line names the version, and the file holds more merges than the vocabulary uses.
  return gunzipSync(packed)
    .toString("utf8")
    .split("\n")
    .slice(1, 1 + MERGES);
}
