// Repairs what programs do to text on its way: entities, bytes read in the wrong encoding, typographic variants. The text tower was trained
// on text cleaned so, by a Python library with many more rules; this has those for text that was meant to be Western European.
import { decodeHTMLStrict } from "entities";

/** Cleaned text, line by line, until nothing changes any more. */
export function repairText(text: string): string {
  return text
    .split("\n")
    .map((line) => (line.includes("<") ? settle(line, repairOnce) : settle(line, repairEscaped)))
    .join("\n");
}

/** A line with a bracket may be real markup, where an entity stands for itself; one without is unescaped. */
const repairEscaped = (line: string): string => repairOnce(decodeHTMLStrict(line));

function settle(text: string, step: Step): string {
  const next = step(text);
  return next === text ? text : settle(next, step);
}

type Step = (text: string) => string;

const replacing =
  (what: RegExp, by: string): Step =>
  (text) =>
    text.replace(what, by);

/** What is done to a line, in this order, after it was read in the right encoding. */
const STEPS: readonly Step[] = [
  // Controls that no text means: Windows-1252 read as Latin-1.
  (text) => text.replace(/[\u0080-\u009f]/g, (control) => WINDOWS.charAt(control.charCodeAt(0) - 128)),
  // Ligatures, and forms of another width.
  (text) =>
    text.replace(/[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/g, (form) => form.normalize("NFKC")),
  (text) => text.replace(/[\u3000\uff01-\uffef]/g, (form) => form.normalize("NFKC")),
  replacing(/[\u02bc\u2018-\u201b]/g, "'"),
  replacing(/[\u201c-\u201f]/g, '"'),
  replacing(/\r\n|[\r\u0085\u2028\u2029]/g, "\n"),
  replacing(/\p{Surrogate}/gu, "\ufffd"),

  replacing(/\u001b\[[\d;]*[A-Za-z]/g, ""),

  replacing(/[\0-\b\v\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, ""),
  (text) => text.normalize("NFC"),
];

function repairOnce(text: string): string {
  const decoded = settle(text, redecode);
  return STEPS.reduce((line, step) => step(line), decoded);
}

const fromUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Windows-1252 from byte 0x80 to 0x9f; the five bytes it leaves free stay controls. (Decoders disagree about this range.) */
const WINDOWS = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** The byte of every character beyond ASCII that Windows-1252 or Latin-1 has: both, as programs mix them up. */
const BYTES = new Map<string, number>([
  ...Array.from({ length: 128 }, (_, i): [string, number] => [String.fromCharCode(128 + i), 128 + i]),
  ...Array.from(WINDOWS, (character, i): [string, number] => [character, 128 + i]),
]);
const NO_BYTE = "\u0100";
const BEYOND_ASCII = /[\x80-\u0100]/;
const CONTROL = /[\u0080-\u009f]/;

/** Characters of UTF-8 read as one character per byte, as often as they follow each other. */
const SEQUENCES = /(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+/g;

/**
 * What people do not write: a capital with an accent, or a small letter, before a symbol such as a currency, a fraction, an opening quote.
 * Dashes, ellipses, closing quotes and letters do follow words.
 */
const ODD = /[\x80-\x84\x86-\x89\x8b\x8d\x8f-\x91\x93\x95\x98\x9d\xa1-\xac\xaf-\xb3\xb5\xb6\xb8-\xba\xbc-\xbf]/;

/** What leaves no doubt: the first bytes of the commonest letters and of punctuation, of pictograms, or two long characters in a row. */
const PLAIN = /[\xc2\xc3\xce\xd0][^\x85\x8c\x8e\x92]|\xe2[\x80-\x84]|\xf0|(?:[\xe0-\xef][\x80-\xbf]{2}){2}/;

/** Reads text again that is UTF-8 taken for Windows-1252 or Latin-1, where it looks like that. */
function redecode(text: string): string {
  const bytes = text.split("").map(byteOf).join("");
  // Where everything that is not ASCII reads as UTF-8, all of it was; otherwise only what leaves no doubt is taken for it.
  const throughout = !BEYOND_ASCII.test(bytes.replace(SEQUENCES, ""));
  const found = [...bytes.matchAll(SEQUENCES)].map(({ 0: match, index }) => {
    const original = text.slice(index, index + match.length);
    const plain = PLAIN.test(match) || CONTROL.test(original);
    return { match, index, original, odd: plain || (throughout && ODD.test(match)) };
  });
  if (!found.some(({ odd }) => odd)) return text;
  let [result, end] = ["", 0];
  for (const { match, index, original, odd } of found) {
    result += text.slice(end, index) + (throughout || odd ? (utf8(match) ?? original) : original);
    end = index + match.length;
  }
  return result + text.slice(end);
}

/** A character as a byte; ASCII is its own. */
const byteOf = (character: string): string => {
  const byte = character < "\x80" ? character.charCodeAt(0) : BYTES.get(character);
  return byte === undefined ? NO_BYTE : String.fromCharCode(byte);
};

/** The text that bytes are as UTF-8; undefined where they are none after all (overlong forms, surrogates). */
function utf8(bytes: string): string | undefined {
  try {
    return fromUtf8.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
