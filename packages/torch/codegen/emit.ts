// Writes the TypeScript of the operators: one function per overload that encodes its arguments, one public function per name that chooses.
import { dtypeOfCode } from "../src/dtype.js";
import type { Argument, Schema } from "./schema.js";

/** How one schema type travels: its code in native/src/dispatch.cc, its TypeScript type, and the statements that write it. */
interface Encoding {
  readonly code: string;
  readonly type: string;
  /** Fixed number of doubles, or undefined where it varies. */
  readonly width?: number;
  /** Statements for a fixed width (slot expressions) or a call that returns the next index. */
  readonly write: (value: string, at: (offset: number) => string) => string;
}

const fixed = (code: string, type: string, expression: (value: string) => string): Encoding => ({
  code,
  type,
  width: 1,
  write: (value, at) => `s[${at(0)}] = ${expression(value)};`,
});
const varying = (code: string, type: string, writer: string): Encoding => ({
  code,
  type,
  write: (value, at) => `i = ${writer}(${at(0)}, ${value});`,
});
const scalar = (code: string, type: string): Encoding => ({
  code,
  type,
  width: 2,
  write: (value, at) => `writeScalar(${at(0)}, ${value});`,
});

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  Tensor: fixed("T", "Tensor", (v) => `${v}.handle`),
  "Tensor?": fixed("T?", "Tensor | undefined", (v) => `${v} === undefined ? 0 : handleOf(${v})`),
  "Tensor[]": varying("TL", "readonly Tensor[]", "writeTensors"),
  "Tensor?[]": varying("T?L", "readonly (Tensor | undefined)[]", "writeTensors"),
  int: fixed("I", "number", (v) => v),
  "int?": fixed("I?", "number | undefined", (v) => `${v} ?? NaN`),
  "int[]": varying("IL", "readonly number[]", "writeNumbers"),
  "int[]?": varying("IL?", "readonly number[] | undefined", "writeNumbers"),
  float: fixed("F", "number", (v) => v),
  "float?": scalar("F?", "number | undefined"),
  "float[]": varying("FL", "readonly number[]", "writeNumbers"),
  "float[]?": varying("FL?", "readonly number[] | undefined", "writeNumbers"),
  bool: fixed("B", "boolean", (v) => `${v} ? 1 : 0`),
  "bool?": fixed("B?", "boolean | undefined", (v) => `${v} === undefined ? NaN : ${v} ? 1 : 0`),
  "bool[]": varying("BL", "readonly boolean[]", "writeBooleans"),
  Scalar: scalar("S", "number"),
  "Scalar?": scalar("S?", "number | undefined"),
  "Scalar[]": varying("SL", "readonly number[]", "writeScalars"),
  ScalarType: fixed("Y", "DType", (v) => `dtypeCode(${v})`),
  "ScalarType?": fixed("Y", "DType | undefined", (v) => `${v} === undefined ? NaN : dtypeCode(${v})`),
  MemoryFormat: fixed("Y", "MemoryFormat", (v) => `memoryFormatCode(${v})`),
  "MemoryFormat?": fixed("Y", "MemoryFormat | undefined", (v) => `${v} === undefined ? NaN : memoryFormatCode(${v})`),
  Device: fixed("D", "Device", (v) => `deviceCode(${v})`),
  "Device?": fixed("D", "Device | undefined", (v) => `${v} === undefined ? NaN : deviceCode(${v})`),
  "Generator?": fixed("G", "Generator | undefined", (v) => `${v} === undefined ? 0 : ${v}.index`),
  str: fixed("STR", "string", (v) => `intern(${v})`),
  "str?": fixed("STR", "string | undefined", (v) => `${v} === undefined ? -1 : intern(${v})`),
};

/** Arguments that TypeScript never gives: they take libtorch's default (strided layout, pageable memory). */
const HIDDEN = new Set(["layout", "pin_memory"]);
const RESERVED = new Set(["var", "delete", "default", "in", "function", "new", "this", "where", "end"]);

export const camelCase = (name: string): string =>
  name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
const pascalCase = (name: string): string => {
  const camel = camelCase(name).replace(/^_+|_+$/g, "");
  return camel.charAt(0).toUpperCase() + camel.slice(1);
};

/** undefined where the overload can be generated, else why not. */
export function unsupported(schema: Schema): string | undefined {
  const unknown = visible(schema).find((a) => !ENCODINGS[a.type]);
  if (unknown) return `argument ${unknown.name} of type ${unknown.type}`;
  const result = schema.returns.find((r) => !["Tensor", "Tensor[]", "int", "float", "bool", "Scalar"].includes(r.type));
  return result ? `result of type ${result.type}` : undefined;
}

const visible = (schema: Schema): Argument[] => schema.arguments.filter((a) => !HIDDEN.has(a.name));
const isOption = (a: Argument): boolean => a.default !== undefined || (a.keywordOnly && a.type.endsWith("?"));
const positional = (schema: Schema): Argument[] => visible(schema).filter((a) => !isOption(a));
const options = (schema: Schema): Argument[] => visible(schema).filter(isOption);
const encodingOf = (a: Argument): Encoding => {
  const encoding = ENCODINGS[a.type];
  if (!encoding) throw new Error(`internal: ${a.type}`);
  return encoding;
};
const parameterName = (a: Argument): string => (RESERVED.has(a.name) ? `${a.name}_` : camelCase(a.name));
const typeOf = (a: Argument): string => {
  const { type } = encodingOf(a);
  return a.listSize === undefined ? type : `number | ${type}`;
};

/** The default as a TypeScript expression. */
function defaultOf(a: Argument): string {
  const text = a.default ?? "None";
  if (text === "None") return "undefined";
  if (text === "True" || text === "False") return text.toLowerCase();
  if (a.type.startsWith("ScalarType")) return JSON.stringify(dtypeOfCode(Number(text)));
  if (a.type.startsWith("MemoryFormat")) return '"contiguous"';
  if (text.startsWith('"') || text.startsWith("[")) return text;
  return String(Number(text));
}

function resultType(schema: Schema): string {
  const types = schema.returns.map((r) =>
    r.type === "Tensor" ? "Tensor" : r.type === "Tensor[]" ? "Tensor[]" : r.type === "bool" ? "boolean" : "number",
  );
  if (isInPlace(schema)) return "Tensor";
  if (types.length === 0) return "void";
  return types.length === 1 ? (types[0] as string) : `[${types.join(", ")}]`;
}

const isInPlace = (schema: Schema): boolean =>
  schema.returns.length === 1 &&
  schema.returns[0]?.written === true &&
  schema.arguments[0]?.written === true &&
  schema.arguments[0].type === "Tensor";

function readResults(schema: Schema): string {
  const first = schema.arguments[0];
  if (isInPlace(schema) && first) return `return ${parameterName(first)};`;
  const { returns } = schema;
  if (returns.length === 0) return "";
  if (returns.length === 1) {
    const type = returns[0]?.type;
    if (type === "Tensor") return "return wrap(s[0] as number);";
    if (type === "Tensor[]") return "return wrapList(0);";
    return type === "bool" ? "return s[0] !== 0;" : "return s[0] as number;";
  }
  if (returns.some((r) => r.type === "Tensor[]"))
    throw new Error(`internal: lists among several results of ${schema.name}`);
  return `return [${returns.map((r, k) => (r.type === "Tensor" ? `wrap(s[${String(k)}] as number)` : `s[${String(k)}] as number`)).join(", ")}];`;
}

interface Overload {
  readonly schema: Schema;
  readonly functionName: string;
  readonly idName: string;
  readonly optionsName: string;
}

function optionsInterface(overload: Overload): string {
  const fields = options(overload.schema).map(
    (a) => `  readonly ${camelCase(a.name)}?: ${typeOf(a)}${typeOf(a).endsWith("undefined") ? "" : " | undefined"};`,
  );
  return fields.length === 0
    ? ""
    : `/** What \`${overload.schema.name}${overload.schema.overload && "."}${overload.schema.overload}\` takes beside its required arguments; absent: libtorch's default. */\nexport interface ${overload.optionsName} {\n${fields.join("\n")}\n}\n`;
}

function parameters(overload: Overload, skipSelf = false): string {
  const list = positional(overload.schema).map((a) => `${parameterName(a)}: ${typeOf(a)}`);
  if (skipSelf) list.shift();
  if (options(overload.schema).length > 0) list.push(`options?: ${overload.optionsName}`);
  return list.join(", ");
}

/** The function of one overload: writes the arguments, calls, wraps the results. */
function emitOverload(overload: Overload, exported: boolean): string {
  const { schema } = overload;
  const lines: string[] = [];
  let base = "0";
  let offset = 0;
  let counting = false;
  const at = (k: number): string =>
    base === "0" ? String(offset + k) : offset + k === 0 ? "i" : `i + ${String(offset + k)}`;
  for (const [k, argument] of visible(schema).entries()) {
    const encoding = encodingOf(argument);
    const option = `options?.${camelCase(argument.name)}`;
    const fallback = defaultOf(argument);
    const value = isOption(argument)
      ? fallback === "undefined"
        ? option
        : `(${option} ?? ${fallback})`
      : parameterName(argument);
    if (encoding.width === undefined) {
      // The index is needed by what follows only.
      const last = k === visible(schema).length - 1;
      lines.push(encoding.write(value, at).replace(/^i = /, last ? "" : counting ? "i = " : "let i = "));
      counting = true;
      base = "i";
      offset = 0;
    } else {
      lines.push(encoding.write(value, at));
      offset += encoding.width;
    }
  }
  const signature = visible(schema)
    .map((a) => `${a.name}:${encodingOf(a).code}`)
    .join(" ");
  const discard = isInPlace(schema) || schema.returns.length === 0 ? "!" : "";
  const overloads = JSON.stringify(schema.overload);
  const doc = exported ? `/** \`${schema.text}\` */\n` : "";
  return [
    `const ${overload.idName} = native.declare(${JSON.stringify(schema.name)}, ${overloads}, ${JSON.stringify(discard + signature)});`,
    `${doc}${exported ? "export " : ""}function ${overload.functionName}(${parameters(overload)}): ${resultType(schema)} {`,
    ...lines.map((line) => `  ${line}`),
    `  native.call(${overload.idName});`,
    `  ${readResults(schema)}`,
    "}",
  ]
    .filter((line) => line.trim() !== "")
    .join("\n");
}

function predicate(a: Argument, name: string): string {
  const type = a.type.replace("?", "");
  const test =
    type === "Tensor"
      ? `${name} instanceof Tensor`
      : type === "Tensor[]"
        ? `Array.isArray(${name}) && (${name}.length === 0 || ${name}[0] instanceof Tensor)`
        : a.type.includes("[]")
          ? `Array.isArray(${name})${a.listSize === undefined ? "" : ` || typeof ${name} === "number"`}`
          : type === "str" || type === "ScalarType" || type === "Device"
            ? `typeof ${name} === "string"`
            : type === "bool"
              ? `typeof ${name} === "boolean"`
              : `typeof ${name} === "number"`;
  return `(${test})`;
}

/** Chooses among overloads by their number and types of arguments; overloads that are alike there, by an option that only one has. */
function emitChoice(name: string, overloads: readonly Overload[], exported: boolean): string {
  const widest = Math.max(
    ...overloads.map((o) => positional(o.schema).length + (options(o.schema).length > 0 ? 1 : 0)),
  );
  const names = Array.from({ length: widest }, (_, k) => `p${String(k)}`);
  const shape = (o: Overload): string =>
    positional(o.schema)
      .map((a) => a.type.replace("?", ""))
      .join();
  const docs = overloads.map((o) => ` * \`${o.schema.text}\``).join("\n");
  const heads = overloads.map(
    (o, k) =>
      `${k === 0 ? `/**\n${docs}\n */\n` : ""}${exported ? "export " : ""}function ${name}(${parameters(o)}): ${resultType(o.schema)};`,
  );
  const branches = overloads.map((overload, k) => {
    const own = positional(overload.schema);
    const call = `${overload.functionName}(${own
      .map((a, j) => `p${String(j)} as ${typeOf(a)}`)
      .concat(
        options(overload.schema).length > 0 ? [`p${String(own.length)} as ${overload.optionsName} | undefined`] : [],
      )
      .join(", ")})`;
    const rest = overloads.slice(k + 1);
    if (rest.length === 0) return `  return ${call};`;
    const tests: string[] = [];
    const twin = rest.find((o) => shape(o) === shape(overload));
    if (twin) {
      const others = new Set(options(twin.schema).map((a) => a.name));
      const unique = options(overload.schema).find((a) => !others.has(a.name));
      if (!unique)
        throw new Error(
          `${name}: overloads "${overload.schema.overload}" and "${twin.schema.overload}" cannot be told apart`,
        );
      tests.push(
        `(p${String(own.length)} as ${overload.optionsName} | undefined)?.${camelCase(unique.name)} !== undefined`,
      );
    }
    own.forEach((a, j) => {
      if (rest.some((o) => positional(o.schema)[j]?.type !== a.type)) tests.push(predicate(a, `p${String(j)}`));
    });
    return `  if (${tests.join(" && ")}) return ${call};`;
  });
  return [
    ...heads,
    `${exported ? "export " : ""}function ${name}(${names.map((n) => `${n}?: unknown`).join(", ")}): unknown {`,
    ...branches,
    "}",
  ].join("\n");
}

/** The whole file for the given schemas, in order; overloads of one name must be neighbours. */
export function emitFile(schemas: readonly Schema[], versions: string): string {
  const groups = new Map<string, Schema[]>();
  for (const schema of schemas) groups.set(schema.name, [...(groups.get(schema.name) ?? []), schema]);
  const functions: string[] = [];
  const methods: string[] = [];
  const assignments: string[] = [];
  for (const [fullName, group] of groups) {
    const name = camelCase(fullName.replace("aten::", ""));
    const exported = !RESERVED.has(name) || name === "where";
    const publicName = exported ? name : `${name}Operator`;
    // More arguments first, then the overload that has options of its own: the order in which the tests must be made.
    const ordered = [...group].sort(
      (a, b) => positional(b).length - positional(a).length || options(b).length - options(a).length,
    );
    const overloads = ordered.map((schema): Overload => {
      const suffix = schema.overload === "" ? "" : `_${schema.overload}`;
      const single = group.length === 1;
      return {
        schema,
        functionName: single ? publicName : `${name}_${schema.overload || "plain"}`,
        idName: `id_${name}${suffix}`,
        optionsName: `${pascalCase(fullName.replace("aten::", ""))}${name.endsWith("_") ? "InPlace" : ""}${single ? "" : pascalCase(schema.overload)}Arguments`,
      };
    });
    for (const overload of overloads)
      functions.push(optionsInterface(overload), emitOverload(overload, overloads.length === 1 && exported));
    if (overloads.length > 1) functions.push(emitChoice(publicName, overloads, exported));
    const own = overloads.filter(
      (o) => positional(o.schema)[0]?.name === "self" && positional(o.schema)[0]?.type === "Tensor",
    );
    if (own.length !== overloads.length) continue;
    for (const overload of own)
      methods.push(
        `    /** \`${overload.schema.text}\` */\n    ${name}(${parameters(overload, true)}): ${resultType(overload.schema)};`,
      );
    const width = Math.max(...own.map((o) => positional(o.schema).length - 1 + (options(o.schema).length > 0 ? 1 : 0)));
    const names = Array.from({ length: width }, (_, k) => `p${String(k + 1)}`);
    const cast = `${publicName} as (self: Tensor, ...rest: unknown[]) => unknown`;
    assignments.push(
      `define("${name}", function (this: Tensor${names.map((n) => `, ${n}?: unknown`).join("")}) {\n  return (${cast})(${["this", ...names].join(", ")});\n});`,
    );
  }
  const body = [...functions, ...methods, ...assignments].join("\n");
  const writers = [
    "handleOf",
    "intern",
    "wrap",
    "wrapList",
    "writeBooleans",
    "writeNumbers",
    "writeScalar",
    "writeScalars",
    "writeTensors",
  ];
  const used = writers.filter((writer) => body.includes(`${writer}(`));
  return [
    `/* Generated by codegen/generate.ts from the schemas of libtorch ${versions}. Do not edit: run \`npm run generate\`. */`,
    'import { native, scratch } from "../binding.js";',
    'import { deviceCode, dtypeCode, memoryFormatCode, type Device, type DType, type MemoryFormat } from "../dtype.js";',
    `import { ${used.join(", ")} } from "../marshal.js";`,
    'import type { Generator } from "../random.js";',
    'import { Tensor } from "../tensor.js";',
    "",
    "const s = scratch;",
    "",
    ...functions.filter((text) => text !== ""),
    "",
    'declare module "../tensor.js" {',
    "  interface Tensor {",
    ...methods,
    "  }",
    "}",
    "",
    "const define = (name: string, method: (this: Tensor, ...rest: never[]) => unknown): void => {",
    "  Object.defineProperty(Tensor.prototype, name, { value: method, writable: true, configurable: true });",
    "};",
    ...assignments,
    "",
  ].join("\n");
}
