// Every name that a package exports at its door has a sentence of documentation, so have the public members of exported classes.
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

import { root } from "./imports.js";

const doors = ["formats", "torch", "world", "cli"].map((name) => join(root, "packages", name, "src", "index.ts"));
const program = ts.createProgram(doors, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  noEmit: true,
  skipLibCheck: true,
  types: [],
});
const checker = program.getTypeChecker();

/** Names exported by a file, aliases followed to their declarations. */
function exportsOf(door: string): Map<string, ts.Symbol> {
  const file = program.getSourceFile(door);
  const module = file && checker.getSymbolAtLocation(file);
  const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
  return new Map(
    symbols.map((symbol) => [
      symbol.name,
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    ]),
  );
}

const isDocumented = (symbol: ts.Symbol): boolean => symbol.getDocumentationComment(checker).length > 0;

/** `export * as name`: a file, whose first comment says what it is. Its own exports are looked at. */
const isNamespace = (symbol: ts.Symbol): boolean => (symbol.flags & ts.SymbolFlags.ValueModule) !== 0;

function silentExports(symbols: Iterable<readonly [string, ts.Symbol]>, prefix = ""): string[] {
  return [...symbols].flatMap(([name, symbol]) => {
    if (!isNamespace(symbol)) return isDocumented(symbol) ? [] : [prefix + name];
    const inner = checker.getExportsOfModule(symbol).map((member) => [member.name, member] as const);
    return silentExports(inner, `${prefix}${name}.`);
  });
}

/** Public methods and accessors of a class that say nothing; fields and constructors speak through the class. */
function silentMembers(name: string, symbol: ts.Symbol): string[] {
  if ((symbol.flags & ts.SymbolFlags.Class) === 0) return [];
  const members = [...(symbol.members?.values() ?? [])].filter(
    (member) =>
      member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor) && !/^(#|__|toString$)/.test(member.name),
  );
  return members
    .filter((member) => isPublic(member) && !isDocumented(member))
    .map((member) => `${name}.${member.name}`);
}

/** Overrides and implementations of an interface inherit their documentation. */
const isPublic = (member: ts.Symbol): boolean =>
  (member.declarations ?? []).every(
    (declaration) =>
      (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) === 0,
  );

test.each(doors)("every export of %s is documented", (door) => {
  const exported = exportsOf(door);
  expect(silentExports(exported)).toEqual([]);
  expect([...exported].flatMap(([name, symbol]) => silentMembers(name, symbol))).toEqual([]);
});

test("there are exports to look at", () => {
  expect(exportsOf(doors[1] ?? "").size).toBeGreaterThan(200);
  expect(exportsOf(doors[2] ?? "").has("loadWorld")).toBe(true);
});
