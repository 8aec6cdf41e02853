// The import graph of the packages, read from the sources with the TypeScript parser. For architecture.test.ts.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

/** The repository's root. */
export const root = resolve(import.meta.dirname, "..");

/** One import of one file: paths relative to the root, or `specifier` alone for anything outside the repository. */
export interface Import {
  readonly from: string;
  readonly specifier: string;
  /** The imported source file; undefined for packages that are not ours. */
  readonly to: string | undefined;
  /** Erased by the compiler: it binds types together, but loads nothing. */
  readonly typeOnly: boolean;
  /** Loaded when the code comes there: `await import(...)`. */
  readonly dynamic: boolean;
}

/** Every TypeScript source of the packages (without dist and tests), relative to the root. */
export function sourceFiles(folder = join(root, "packages")): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["dist", "node_modules", "build"].includes(entry.name) ? [] : sourceFiles(path);
    return /\.tsx?$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name) ? [relative(root, path)] : [];
  });
}

/** The imports of `file`: static, re-exporting and dynamic ones. */
export function importsOf(file: string, text = readFileSync(join(root, file), "utf8")): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean, dynamic = false): void => {
    if (!node || !ts.isStringLiteral(node)) return;
    found.push({ from: file, specifier: node.text, to: resolveImport(file, node.text), typeOnly, dynamic });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

function isTypeOnly(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (!clause) return false; // imported for its effects
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  return !clause.name && !!names && ts.isNamedImports(names) && names.elements.every((element) => element.isTypeOnly);
}

function resolveImport(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(file), specifier).replace(/\.js$/, ".ts");
  const own = /^@vid2world\/([^/]+)(?:\/(.+))?$/.exec(specifier);
  return own ? `packages/${own[1] ?? ""}/src/${(own[2] ?? "index").replace(/\.js$/, "")}.ts` : undefined;
}

/** The first cycle of imports that load something, as a list of files, or undefined. */
export function findCycle(imports: readonly Import[]): string[] | undefined {
  const edges = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) {
    if (to !== undefined && !typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
  }
  const finished = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
