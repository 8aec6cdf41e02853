// `vid2world config`: `import` makes a configuration of the published code one of ours, every setting of it accounted for; `schema` tells
// editors what a configuration may hold.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { ConfigError } from "@vid2world/world/config/config-error";
import { editorSchema } from "@vid2world/world/config/editor-schema";
import { describeIssues } from "@vid2world/world/config/issues";
import {
  fillPlaces,
  importPublished,
  type PublishedImport,
  type Remark,
} from "@vid2world/world/config/published/import";
import { importedFile, type ImportedFile } from "@vid2world/world/config/published/write";
import { InvalidArgumentError, writeFileAtomically } from "@vid2world/formats";

const EXAMPLES = `
Examples:
  vid2world config import config_rt1_train.yaml --checkpoint weights:dynamicrafter-512 --data /data/rt1 --out rt1.yaml
  vid2world config import config_csgo_test.yaml --report      what becomes of each setting
  vid2world config import inference_512_v1.0.yaml --set data.domain=stills --set data.folder=pictures
  vid2world config schema --out vid2world.schema.json         for completion in editors
Exit code 2, and nothing written, when the file has settings that are unknown or cannot be expressed here, or placeholders that
nobody filled; --lenient writes what can be had. docs/published-models.md explains.`;

const SCHEMA_HELP = `
Example:
  vid2world config schema --out vid2world.schema.json         configs/schema.json is kept for the files in configs
and as first line of a configuration, for editors with a YAML language server (VS Code: the extension "YAML" by Red Hat):
  # yaml-language-server: $schema=vid2world.schema.json`;

/** Builds the command. */
export function configCommand() {
  return new Command()
    .description("Convert configurations, and tell editors what they may hold.")
    .addCommand(importCommand())
    .addCommand(schemaCommand())
    .addCommand(protocolCommand())
    .addHelpText("after", EXAMPLES);
}

function schemaCommand() {
  return new Command("schema")
    .description(
      "Print the JSON Schema of training configurations: editors complete settings and mark what does not exist.",
    )
    .option("--out <file>", "write it here (default: standard output)")
    .addHelpText("after", SCHEMA_HELP)
    .action(async ({ out }) => {
      const { SCHEMA_TITLE, trainingConfigSchema } = await import("@vid2world/world/training/config");
      const schema = editorSchema(trainingConfigSchema, SCHEMA_TITLE);
      const text = `${JSON.stringify(schema, null, 2)}\n`;
      if (out === undefined) process.stdout.write(text);
      else await writeFileAtomically(out, text);
    });
}

function protocolCommand() {
  return new Command("protocol")
    .description("Write the protocol of served worlds as OpenAPI (HTTP) and JSON Schema (messages).")
    .requiredOption("--out <folder>", "where openapi.json and messages.schema.json go; docs/protocol keeps them")
    .action(async ({ out }) => {
      const { messagesDocument, openApiDocument } = await import("@vid2world/world/serving/protocol/openapi");
      await mkdir(out, { recursive: true });
      const write = (name: string, document: object): Promise<void> =>
        writeFileAtomically(join(out, name), `${JSON.stringify(document, null, 2)}\n`);
      await write("openapi.json", openApiDocument());
      await write("messages.schema.json", messagesDocument());
    });
}

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

function importCommand() {
  return new Command("import")
    .description(
      "Convert a configuration of the published code (trees of target and params, |<placeholders>|) into one of ours.",
    )
    .argument("<file>", "the published YAML file")
    .option("--out <file>", "write it here (default: standard output)")
    .option("--checkpoint <file>", "what to fill in for the checkpoint: a file or weights:NAME")
    .option("--data <folder>", "what to fill in for the data folder")
    .option("--fill <name=value>", "fill in the placeholder |<name>|; may be repeated", collect)
    .option("--set <path=value>", "change a setting of the result; may be repeated", collect)
    .option("--lenient", "go on without what is unknown or cannot be expressed")
    .option("--report", "list what became of every setting, on standard error")
    .option("--json", "print settings and report as JSON instead of YAML")
    .addHelpText("after", EXAMPLES)
    .action(async (file, options) => {
      const text = await readFile(file, "utf8");
      const { checkpoint, data } = options;
      const places = { ...(checkpoint !== undefined && { checkpoint }), ...(data !== undefined && { data }) };
      const fill = { ...fillPlaces(file, text, places), ...pairs(options.fill ?? []) };
      const imported = importPublished(file, text, fill);
      const result = importedFile(imported, options.set);
      if (options.report === true) console.error(showReport(imported));
      const open = showOpen(imported);
      if (open !== "") console.error(open);
      if (options.json === true)
        console.log(JSON.stringify({ ...imported, settings: result.values, origins: undefined }, null, 2));
      if (open !== "" && options.lenient !== true) return void (process.exitCode = 2);
      await check(file, result, imported);
      if (options.out !== undefined) await writeFileAtomically(options.out, result.text);
      else if (options.json !== true) process.stdout.write(result.text);
    });
}

function pairs(texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text): [string, string] => {
    const equals = text.indexOf("=");
    if (equals < 1) throw new InvalidArgumentError("--fill", `--fill: expected name=value, received ${text}`);
    return [text.slice(0, equals).replace(/^\|<|>\|$/g, ""), text.slice(equals + 1)];
  });
  return Object.fromEntries(entries);
}

/** The written file has to be one that our commands take. */
async function check(file: string, { values }: ImportedFile, { assumed }: PublishedImport): Promise<void> {
  const { trainingConfigSchema } = await import("@vid2world/world/training/config");
  const parsed = trainingConfigSchema.safeParse(values);
  if (parsed.success) return;
  const hint = assumed.find(({ key }) => key === "data" && !("data" in values));
  const message = hint?.message ?? describeIssues(trainingConfigSchema, values, parsed.error);
  throw new ConfigError(file, [{ path: hint ? "data" : "", message }]);
}

/** Everything that the import says about the file, by kind. */
export function showReport(imported: PublishedImport): string {
  const { mapped, withoutEffect, assumed } = imported;
  const section = (title: string, remarks: readonly Remark[], sign: string): string[] =>
    remarks.length === 0
      ? []
      : [`${title} (${remarks.length})`, ...remarks.map(({ key, message }) => `  ${key} ${sign} ${message}`)];
  return [
    ...section("Taken over", mapped, "->"),
    ...section("Without effect here", withoutEffect, "-"),
    ...section("Not in the file", assumed, "="),
  ].join("\n");
}

/** What stands in the way of a complete import; empty when nothing does. */
export function showOpen({ file, unknown, unsupported, placeholders }: PublishedImport): string {
  const place = (line: number | undefined): string => (line === undefined ? file : `${file}:${line}`);
  const faults = [...unknown, ...unsupported].map(({ key, line, message }) => `${place(line)}  ${key}: ${message}`);
  const open = placeholders.map(
    ({ name, key, line }) => `${place(line)}  ${key}: fill in |<${name}>| with --fill ${name}=VALUE`,
  );
  return [...faults, ...open].join("\n");
}
