// A checkpoint's report as text for people; `inspect` prints it.
import { groupKeys } from "@vid2world/world/checkpoints/key-groups";
import type { CheckpointReport, PartReport } from "@vid2world/world/checkpoints/inspect";

/** Groups of keys that are shown. */
const SHOWN_GROUPS = 6;
/** Settings of use, not of the weights; --json has them. */
const NOT_SHOWN = new Set(["dropout", "temporalConvDropout", "checkpointing", "memoryFormat"]);
const INDENT = " ".repeat(13);

/** Lines of text; the list of keys where the report has it. */
export function showCheckpoint(report: CheckpointReport): string {
  const line = (label: string, text: string | undefined): string[] =>
    text === undefined || text === "" ? [] : [label.padEnd(INDENT.length) + text];
  return [
    ...line("file", `${report.file} (${size(report.bytes)}, ${container(report)})`),
    ...line("model", report.model.title),
    ...line("training", training(report)),
    ...line("precision", precision(report)),
    ...line("tensors", `${grouped(report.tensors)}, ${grouped(report.parameters)} numbers`),
    ...report.parts.flatMap((part) => showPart(part, report)),
    ...line(
      "spelling",
      report.fpsSpelling === "framestride_embed" ? "framestride_embed, as older base models" : undefined,
    ),
    ...line("schedule", schedule(report)),
    ...line("training state", report.trainingState.length > 0 ? `${report.trainingState.length} tensors` : undefined),
    ...keyLines(
      "missing",
      report.parts.flatMap(({ missing }) => missing),
    ),
    ...line("shape", misshapen(report)),
    ...keyLines("foreign", report.foreign),
    ...line("other", classes(report)),
    ...line("data", report.checked ? checkedWords(report) : "not read; --check reads every tensor once"),
    ...Object.entries(report.keys ?? {}).map(([key, [dtype, shape]]) => `${key} ${dtype} [${shape.join(", ")}]`),
  ].join("\n");
}

function showPart(part: PartReport, { facts }: CheckpointReport): string[] {
  const { part: name, tensors, parameters, options, unknown, prefix, naming } = part;
  const told = unknown.filter((option) => option !== "temporalLength" || facts.temporalLength === undefined);
  const shown = Object.entries(options).filter(([option]) => !unknown.includes(option) && !NOT_SHOWN.has(option));
  const temporal =
    facts.temporalLength === undefined || !unknown.includes("temporalLength")
      ? []
      : [`temporalLength ${facts.temporalLength}`];
  const words = [...shown.map(([option, value]) => `${option} ${showValue(value)}`), ...temporal];
  return [
    `${name.padEnd(INDENT.length)}${grouped(parameters)} parameters in ${tensors} tensors${prefix === "" ? "" : ` under ${prefix}`}${naming === "ours" ? ", in our names" : ""}`,
    ...wrap(words.join(", ")),
    ...(told.length > 0 ? wrap(`not told by the weights: ${told.join(", ")}`) : []),
  ];
}

function showValue(value: unknown): string {
  if (Array.isArray(value)) return value.join("/");
  if (typeof value === "object" && value !== null)
    return `(${Object.entries(value)
      .map(([key, inner]) => `${key} ${showValue(inner)}`)
      .join(", ")})`;
  return String(value);
}

/** Lines of at most 120 characters, indented. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && INDENT.length + line.length + word.length >= 119) {
      lines.push(INDENT + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, INDENT + line];
}

function keyLines(label: string, keys: readonly string[]): string[] {
  if (keys.length === 0) return [];
  const groups = groupKeys(keys);
  const shown = groups.slice(0, SHOWN_GROUPS).map(({ prefix, count, examples }) => {
    const names = examples.map((key) => key.slice(prefix.length)).join(", ");
    return `${INDENT}${prefix === "" ? "at the top" : `${prefix}*`}: ${count} (${names}${count > examples.length ? ", ..." : ""})`;
  });
  const more =
    groups.length > SHOWN_GROUPS ? [`${INDENT}and ${groups.length - SHOWN_GROUPS} more places; --json lists all`] : [];
  return [`${label.padEnd(INDENT.length)}${keys.length} keys`, ...shown, ...more];
}

/** Only zip archives carry checksums. */
const checkedWords = ({ container: kind }: CheckpointReport): string =>
  kind === "PyTorch zip archive" ? "every tensor read, checksums agree" : "every tensor read";

const container = ({ container: kind, layout }: CheckpointReport): string =>
  layout === "plain" ? kind : `${kind}, ${layout === "lightning" ? "Lightning checkpoint" : "DeepSpeed module"}`;

function training({ facts }: CheckpointReport): string {
  const { step, epoch, lightning, optimizer, temporalLength, transfer } = facts;
  return [
    ...(step === undefined ? [] : [`step ${grouped(step)}`]),
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(temporalLength === undefined ? [] : [`windows of ${temporalLength} frames`]),
    ...(transfer === undefined ? [] : [`${transfer} weight transfer`]),
    ...(lightning === undefined ? [] : [`Lightning ${lightning}`]),
    ...(optimizer ? ["with optimiser state"] : []),
  ].join(", ");
}

function precision({ precision: shares }: CheckpointReport): string {
  const sorted = Object.entries(shares).sort(([, a], [, b]) => b.elements - a.elements);
  return sorted.map(([dtype, { tensors }]) => `${dtype} (${tensors} tensors)`).join(", ");
}

const schedule = ({ scheduleKeys }: CheckpointReport): string | undefined =>
  scheduleKeys.length === 0 ? undefined : `${scheduleKeys.length} tables of the noise schedule`;

function misshapen({ parts }: CheckpointReport): string | undefined {
  const all = parts.flatMap((part) => part.misshapen);
  const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
  const first = all
    .slice(0, 3)
    .map(({ key, found, expected }) => `${key} is ${show(found)}, expected ${show(expected)}`);
  return all.length === 0 ? undefined : `${all.length} differ: ${first.join("; ")}`;
}

function classes({ facts }: CheckpointReport): string | undefined {
  const { foreignClasses } = facts;
  if (foreignClasses.length === 0) return undefined;
  const more = foreignClasses.length > 4 ? `, and ${foreignClasses.length - 4} more` : "";
  return `objects of Python classes, left closed: ${foreignClasses.slice(0, 4).join(", ")}${more}`;
}

const grouped = (count: number): string => count.toLocaleString("en-US");

function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(power === 3 ? 2 : 1)} ${units[power] ?? ""}`;
}
