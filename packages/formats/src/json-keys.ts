// Finds repeated keys in JSON text: `JSON.parse` silently keeps the last, and two readers may disagree about such a file.

/** The first key that occurs twice in one object of `text` (which must be valid JSON), or undefined. */
export function firstDuplicateKey(text: string): string | undefined {
  // One set of keys per open object, `undefined` per open array.
  const open: (Set<string> | undefined)[] = [];
  let keyComesNext = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') {
      const end = closingQuote(text, i);
      if (keyComesNext) {
        const key = JSON.parse(text.slice(i, end + 1)) as string; // escapes: "\u0061" is "a"
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
        keyComesNext = false;
      }
      i = end;
    } else if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : undefined);
      keyComesNext = character === "{";
    } else if (character === "}" || character === "]") {
      open.pop();
      keyComesNext = false;
    } else if (character === ",") {
      keyComesNext = open.at(-1) !== undefined;
    }
  }
  return undefined;
}

function closingQuote(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end;
}
