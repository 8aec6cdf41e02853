// Loading, checking and saving of configurations. A configuration is checked once, here; the rest of the library trusts its type.
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import type { z } from "zod";
import { ConfigError } from "./config-error.js";
import { readConfigDocument } from "./document.js";
import { toConfigIssues } from "./issues.js";

/** How a configuration is loaded. */
export interface LoadConfigOptions {
  /** Settings from the command line, `path.to.setting=value`; the value is read as YAML. */
  readonly overrides?: readonly string[];
}

/**
 * Reads a YAML configuration (and the one that it `extends`), applies overrides and checks it against `schema`.
 * @example const config = await loadConfig("configs/debug.yaml", trainingConfigSchema, { overrides: ["training.seed=1"] });
 * @throws ConfigError with every problem at once.
 */
export async function loadConfig<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  options: LoadConfigOptions = {},
): Promise<z.output<Schema>> {
  const document = await readConfigDocument(file, options.overrides);
  const result = schema.safeParse(document.values);
  if (!result.success) throw new ConfigError(file, toConfigIssues(document, schema, result.error));
  return result.data;
}

/** Writes a resolved configuration, every default filled in, so that loading it gives the same run again. */
export async function saveConfig(file: string, config: object): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, stringify(config, { lineWidth: 120 }));
  await rename(temporary, file);
}
