// Generates src/generated/ops.ts from ops.txt and the recorded schemas. Usage: node generate.js [--dump] [--check]
//   --dump   first records the schemas of the listed operators as the loaded libtorch has them (codegen/schemas/VERSION.txt)
//   --check  writes nothing; fails if the committed file, or the record of the loaded libtorch, is out of date
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as prettier from "prettier";
import { native } from "../src/binding.js";
import { emitFile, unsupported } from "./emit.js";
import { parseSchema, type Schema } from "./schema.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const schemaFolder = join(root, "codegen/schemas");
const target = join(root, "src/generated/ops.ts");
const check = process.argv.includes("--check");

const listed = [
  ...new Set(
    readFileSync(join(root, "codegen/ops.txt"), "utf8")
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== ""),
  ),
].sort();

/** What the loaded libtorch says of the listed operators. */
function live(): string {
  const lines = listed.map((entry) => {
    const [name = "", overload = ""] = entry.split(".");
    return native.schema(`aten::${name}`, overload);
  });
  return lines.filter((line) => line !== undefined).join("\n") + "\n";
}

function fail(message: string): never {
  console.error(`generate: ${message}`);
  process.exit(1);
}

const version = native.version.split(".").slice(0, 2).join(".");
const record = join(schemaFolder, `${version}.txt`);
if (process.argv.includes("--dump")) {
  mkdirSync(schemaFolder, { recursive: true });
  writeFileSync(record, live());
} else if (check && existsSync(record) && readFileSync(record, "utf8") !== live()) {
  fail(`${record} is not what libtorch ${native.version} says; run npm run generate -- --dump`);
}

// The oldest libtorch that has an operator decides its signature; newer ones only add arguments with defaults.
const versions = readdirSync(schemaFolder)
  .map((file) => file.replace(".txt", ""))
  .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
const known = new Map<string, Schema>();
for (const name of versions) {
  for (const line of readFileSync(join(schemaFolder, `${name}.txt`), "utf8").split("\n")) {
    if (line === "") continue;
    const schema = parseSchema(line);
    const key = schema.name.replace("aten::", "") + (schema.overload === "" ? "" : `.${schema.overload}`);
    if (!known.has(key)) known.set(key, schema);
  }
}
const chosen: Schema[] = [];
for (const entry of listed) {
  const schema = known.get(entry);
  if (!schema)
    fail(`"${entry}" is on the list, but in none of the recorded libtorch versions (${versions.join(", ")})`);
  const reason = unsupported(schema);
  if (reason) fail(`"${entry}" cannot be generated: ${reason}`);
  chosen.push(schema);
}
const text = await prettier.format(emitFile(chosen, versions.join(" and ")), { parser: "typescript", printWidth: 120 });
const upToDate = existsSync(target) && readFileSync(target, "utf8") === text;
if (check && !upToDate) fail(`${target} is out of date; run npm run generate`);
if (!check && !upToDate) {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
console.log(
  `generate: ${String(chosen.length)} overloads written, ${String(native.operators().length - chosen.length)} operators of libtorch ${native.version} not on the list`,
);
