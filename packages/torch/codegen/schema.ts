// Parses operator schemas as libtorch prints them: "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor".

export interface Argument {
  readonly name: string;
  /** Type without alias annotation: "Tensor", "Tensor?", "int[]", "Scalar" ... SymInt is written int. */
  readonly type: string;
  /** Length that a single number stands for: 2 in "int[2]". */
  readonly listSize?: number;
  /** The default as printed, absent where the argument is required. */
  readonly default?: string;
  readonly keywordOnly: boolean;
  readonly written: boolean;
}

export interface Schema {
  readonly name: string;
  readonly overload: string;
  readonly arguments: readonly Argument[];
  readonly returns: readonly { type: string; written: boolean }[];
  readonly text: string;
}

/** Splits at commas that are outside of brackets and quotes. */
function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === "(" || c === "[") depth++;
    else if (c === ")" || c === "]") depth--;
    else if (c === "," && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  return last === "" ? parts : [...parts, last];
}

function parseType(text: string): { type: string; written: boolean; listSize?: number } {
  const written = text.includes("!");
  const plain = text.replace(/\([^)]*\)/g, "").replaceAll("SymInt", "int");
  const sized = /\[(\d+)\]/.exec(plain);
  const type = plain.replace(/\[\d+\]/, "[]");
  return sized ? { type, written, listSize: Number(sized[1]) } : { type, written };
}

function parseArgument(text: string, keywordOnly: boolean): Argument {
  const match = /^(.+?) (\w+)(?:=(.*))?$/.exec(text);
  if (!match?.[1] || !match[2]) throw new Error(`schema: cannot read the argument "${text}"`);
  const base = { name: match[2], keywordOnly, ...parseType(match[1]) };
  return match[3] === undefined ? base : { ...base, default: match[3] };
}

/** Throws an Error for text that is no schema. */
export function parseSchema(text: string): Schema {
  const match = /^(\w+::\w+)(?:\.(\w+))?\((.*)\) -> (.*)$/.exec(text);
  if (!match?.[1] || match[3] === undefined || match[4] === undefined) throw new Error(`schema: cannot read "${text}"`);
  let keywordOnly = false;
  const parsed: Argument[] = [];
  for (const part of splitList(match[3])) {
    if (part === "*") keywordOnly = true;
    else parsed.push(parseArgument(part, keywordOnly));
  }
  const results = match[4].startsWith("(") ? splitList(match[4].slice(1, -1)) : [match[4]];
  const returns = results.map((result) => {
    // A name may follow the type: "Tensor values". An alias annotation has blanks of its own: "Tensor(a -> *)".
    const { type, written } = parseType(
      result.replace(/\([^)]*\)/g, (a) => (a.includes("!") ? "(!)" : "")).split(" ")[0] ?? "",
    );
    return { type, written };
  });
  return { name: match[1], overload: match[2] ?? "", arguments: parsed, returns, text };
}
