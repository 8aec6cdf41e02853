// Byte-level byte pair encoding (arXiv:1508.07909): a word's bytes, written as printable characters, merged pair by pair by rank.

/** What a word ends with: a piece at the end of a word is another one than the same inside. */
const END_OF_WORD = "</w>";

/** Turns words into numbers of the vocabulary. */
export interface BytePairEncoder {
  /** Pieces in the vocabulary. */
  readonly size: number;
  /** Numbers of one word's pieces. */
  encode(word: string): readonly number[];
}

/** An encoder from its merges in order of rank, each two pieces with a space between. */
export function bytePairEncoder(merges: readonly string[]): BytePairEncoder {
  const symbols = byteSymbols();
  const single = [...symbols.values()];
  const merged = merges.map((pair) => pair.replace(" ", ""));
  const pieces = [...single, ...single.map((symbol) => symbol + END_OF_WORD), ...merged];
  const numbers = new Map(pieces.map((piece, i) => [piece, i]));
  const ranks = new Map(merges.map((pair, rank) => [pair, rank]));
  return {
    size: pieces.length,
    encode(word) {
      const letters = Array.from(new TextEncoder().encode(word), (byte) => symbols.get(byte) ?? "");
      const last = letters.pop();
      if (last === undefined) return [];
      return mergePieces([...letters, last + END_OF_WORD], ranks).map((piece) => numbers.get(piece) ?? 0);
    },
  };
}

/** Joins the neighbours of lowest rank, everywhere in the word, until no neighbours have a rank. */
function mergePieces(word: readonly string[], ranks: ReadonlyMap<string, number>): readonly string[] {
  const rankAt = (i: number): number => ranks.get(`${word[i] ?? ""} ${word[i + 1] ?? ""}`) ?? Infinity;
  const pairs = word.slice(0, -1).map((_, i) => rankAt(i));
  const lowest = Math.min(Infinity, ...pairs);
  if (lowest === Infinity) return word;
  const joined: string[] = [];
  for (let i = 0; i < word.length; i++) {
    const joins = pairs[i] === lowest;
    joined.push((word[i] ?? "") + (joins ? (word[i + 1] ?? "") : ""));
    if (joins) i++;
  }
  return mergePieces(joined, ranks);
}

/** A printable character for every byte, in the vocabulary's order: those that are printable as they are, then the others from 256 on. */
function byteSymbols(): Map<number, string> {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !printable(byte));
  return new Map([
    ...bytes.filter(printable).map((byte): [number, string] => [byte, String.fromCharCode(byte)]),
    ...others.map((byte, i): [number, string] => [byte, String.fromCharCode(256 + i)]),
  ]);
}
