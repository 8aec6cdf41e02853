// A 5 x 7 bitmap font for labels on frames: a fresh machine may have no fonts at all. Capital letters, digits, signs.

/** Width of a glyph in font pixels. */
export const glyphWidth = 5;
/** Height of a glyph in font pixels. */
export const glyphHeight = 7;

/**
 * Seven rows per sign, top first, each one base-32 digit (0-9, a-v) whose five bits are pixels, the left one highest:
 * "e" is 01110, "h" is 10001, "v" is 11111.
 */
const rows: Readonly<Record<string, string>> = {
  A: "ehhvhhh",
  B: "uhhuhhu",
  C: "ehggghe",
  D: "uhhhhhu",
  E: "vgguggv",
  F: "vgguggg",
  G: "ehgnhhf",
  H: "hhhvhhh",
  I: "e44444e",
  J: "72222ic",
  K: "hikokih",
  L: "ggggggv",
  M: "hrllhhh",
  N: "hhpljhh",
  O: "ehhhhhe",
  P: "uhhuggg",
  Q: "ehhhlid",
  R: "uhhukih",
  S: "fgge11u",
  T: "v444444",
  U: "hhhhhhe",
  V: "hhhhha4",
  W: "hhhllla",
  X: "hha4ahh",
  Y: "hhha444",
  Z: "v1248gv",
  "0": "ehjlphe",
  "1": "4c4444e",
  "2": "eh1248v",
  "3": "v24121u",
  "4": "26aiv22",
  "5": "vgu11he",
  "6": "68guhhe",
  "7": "v124888",
  "8": "ehhehhe",
  "9": "ehhf12c",
  " ": "0000000",
  ".": "00000cc",
  ",": "0000c48",
  ":": "0cc0cc0",
  "-": "000v000",
  "+": "044v440",
  "/": "01248g0",
  "|": "4444444",
  "%": "op248j3",
  "(": "2488842",
  ")": "8422248",
  "#": "aavavaa",
  "'": "c480000",
  "=": "00v0v00",
  "?": "eh12404",
  "!": "4444404",
  _: "000000v",
  "<": "248g842",
  ">": "8421248",
  "*": "04lel40",
};

/** Bit rows of a sign, seven numbers of five bits. Small letters look like capitals; unknown signs like a question mark. */
export function glyph(sign: string): readonly number[] {
  return [...(rows[sign.toUpperCase()] ?? rows["?"] ?? "")].map((digit) => Number.parseInt(digit, 32));
}
