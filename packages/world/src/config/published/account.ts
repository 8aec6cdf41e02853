// The account of one published file: what became of each of its settings, and the settings of ours that came out.
import type { ConfigMap, ConfigValue } from "../document.js";
import { suggest } from "../suggest.js";
import { evaluationOf } from "./evaluation.js";
import { covers, faultOf, show, type Rule } from "./rule.js";
import { dataRules } from "./rules-data.js";
import { lightningRules } from "./rules-lightning.js";
import { modelRules } from "./rules-model.js";
import { unetRules } from "./rules-unet.js";
import { nested, type Placeholder, type PublishedSource, type Setting } from "./source.js";

const RULES: readonly Rule[] = [...modelRules, ...unetRules, ...dataRules, ...lightningRules];

/** A setting of the published file and a remark about it. */
export interface Remark {
  readonly key: string;
  /** Line in the published file; absent for what it does not say. */
  readonly line?: number;
  readonly message: string;
}

/** A converted configuration: the settings, where each is from, and the account of the published file. */
export interface PublishedImport {
  readonly file: string;
  /** Our settings by dotted path, in the order in which they are written. */
  readonly settings: ReadonlyMap<string, ConfigValue>;
  /** The published key behind each of our settings, or why it is there. */
  readonly origins: ReadonlyMap<string, string>;
  /** Published settings that became ours. */
  readonly mapped: readonly Remark[];
  /** Published settings that change nothing here, with the reason. */
  readonly withoutEffect: readonly Remark[];
  /** Known settings with a value that cannot be expressed here. */
  readonly unsupported: readonly Remark[];
  /** Settings that nobody knows. */
  readonly unknown: readonly Remark[];
  /** What our schema needs and the file does not say: filled from the published recipe. */
  readonly assumed: readonly Remark[];
  /** Placeholders that were not filled in, only those that a setting of ours needs. */
  readonly placeholders: readonly Placeholder[];
}

/** The order of our files. */
const SECTIONS = [
  "kind",
  "data",
  "latents",
  "context",
  "initialise",
  "checkpoint",
  "model",
  "diffusion",
  "contextFrames",
  "protocol",
  "sampler",
  "loss",
  "training",
];

/** What the published recipe says where a file is about evaluation only. */
const RECIPE: readonly (readonly [to: string, value: ConfigValue])[] = [
  ["training.batchSize", 2],
  ["training.learningRate", 1e-5],
  ["training.maxSteps", 100_000],
];

/** Takes the settings of a file one by one, then what it does not say, then draws the conclusions. */
export class Account {
  readonly #source: PublishedSource;
  readonly #settings = new Map<string, ConfigValue>();
  readonly #origins = new Map<string, string>();
  readonly #mapped: Remark[] = [];
  readonly #withoutEffect: Remark[] = [];
  readonly #unsupported: Remark[] = [];
  readonly #unknown: Remark[] = [];
  readonly #assumed: Remark[] = [];
  readonly #overruled: readonly string[];
  readonly #derived: ReturnType<typeof evaluationOf>["settings"];

  constructor(source: PublishedSource) {
    this.#source = source;
    const { settings, ignored } = evaluationOf(source);
    this.#derived = settings;
    this.#overruled = ignored;
  }

  /** Accounts for one setting of the file. */
  take({ key, value, line }: Setting): void {
    const rule = RULES.find((each) => covers(each, key));
    if (!rule) return void this.#unknown.push({ key, line, message: unknownMessage(key) });
    if (value === null) {
      // Nothing is said, whatever the rule: the code's default counts, which takeAbsent puts in.
      return void this.#withoutEffect.push({ key, line, message: "null: the same as not being there" });
    }
    const wrong = faultOf(rule, value, this.#source.get);
    if (wrong !== undefined) return void this.#unsupported.push({ key, line, message: wrong });
    const overruling = this.#overruled.find((section) => key.startsWith(`${section}.`));
    if (rule.feeds !== undefined && overruling !== undefined) {
      const message = "another logger of the file is the evaluation; its settings count";
      return void this.#withoutEffect.push({ key, line, message });
    }
    if (rule.reason !== undefined) return void this.#withoutEffect.push({ key, line, message: rule.reason });
    if (rule.feeds !== undefined) return void this.#mapped.push({ key, line, message: rule.feeds });
    this.#apply(rule, value, key, (message) => void this.#mapped.push({ key, line, message }));
  }

  /** What the code does where the file is silent is written out: our defaults need not be the code's. */
  takeAbsent(): void {
    const { get, has } = this.#source;
    for (const rule of RULES) {
      const section = rule.key.slice(0, rule.key.lastIndexOf("."));
      if (rule.absent === undefined || !has(section) || get(rule.key) !== undefined) continue;
      if (rule.needs !== undefined && get(rule.needs) === undefined) continue;
      const wrong = faultOf(rule, rule.absent, this.#source.get);
      if (wrong !== undefined) {
        this.#unsupported.push({
          key: rule.key,
          message: `absent, which the published code takes as ${show(rule.absent)}: ${wrong}`,
        });
      } else if (rule.set) {
        this.#apply(rule, rule.absent, `${rule.key} (absent: the code's default)`, () => undefined);
      }
    }
  }

  /** The settings that several others decide together, and those that the schema cannot do without. */
  conclude(): void {
    const causal = this.#settings.get("model.causal") === true;
    this.#put("kind", causal ? "world" : "base", "model.params.unet_config.params.use_causal_attention");
    for (const { to, value, from } of this.#derived) this.#put(to, value, from);
    if (this.#settings.get("model.fpsCondition") === false) this.#drop("model.defaultFps");
    if (!this.#settings.has("context.checkpoint")) this.#needFile();
    for (const [to, value] of RECIPE) {
      if (this.#settings.has(to)) continue;
      this.#put(to, value, "not in the file: the published recipe");
      this.#assumed.push({ key: to, message: `${show(value)}, as in the published recipe` });
    }
    if (!this.#settings.has("data.folder")) {
      this.#assumed.push({
        key: "data",
        message: "the file names no data that we know: set data.domain and data.folder",
      });
    }
  }

  result(): PublishedImport {
    const rank = (path: string): number => SECTIONS.indexOf(path.split(".")[0] ?? "");
    const sorted = [...this.#settings].sort(([a], [b]) => rank(a) - rank(b));
    const settings = new Map(leaves(nested(sorted))); // once nested, what belongs together stands together
    const needed = new Set(this.#mapped.map(({ key }) => key));
    return {
      file: this.#source.file,
      settings,
      origins: this.#origins,
      mapped: this.#mapped,
      withoutEffect: this.#withoutEffect,
      unsupported: this.#unsupported,
      unknown: this.#unknown,
      assumed: this.#assumed,
      placeholders: this.#source.open.filter(({ key }) => needed.has(key)),
    };
  }

  /** A file without a checkpoint (the base model's own configurations are) still is about one. */
  #needFile(): void {
    const file = "weights:dynamicrafter-512";
    for (const to of ["latents.autoencoder.checkpoint", "context.checkpoint", "checkpoint"]) {
      this.#put(to, file, "not in the file: the base model");
    }
    this.#assumed.push({ key: "checkpoint", message: `${file}: the file names none` });
  }

  #apply(rule: Rule, value: ConfigValue, from: string, remark: (message: string) => void): void {
    const made = Object.entries(rule.set?.(value, this.#source.get) ?? {}).filter(([, each]) => each !== undefined);
    for (const [to, each] of made) this.#put(to, each as ConfigValue, from);
    remark(made.length > 0 ? made.map(([to]) => to).join(", ") : "nothing: another setting of the file decides");
  }

  #put(to: string, value: ConfigValue, from: string): void {
    // Said twice (by training and held-out data, say), it is from where it stood first.
    if (JSON.stringify(this.#settings.get(to)) === JSON.stringify(value)) return;
    this.#settings.set(to, value);
    this.#origins.set(to, from);
  }

  #drop(to: string): void {
    this.#settings.delete(to);
  }
}

function leaves(map: ConfigMap, path = ""): [string, ConfigValue][] {
  return Object.entries(map).flatMap(([name, value]): [string, ConfigValue][] =>
    isMap(value) ? leaves(value, `${path}${name}.`) : [[path + name, value]],
  );
}

const isMap = (value: ConfigValue): value is ConfigMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function unknownMessage(key: string): string {
  const name = key.split(".").at(-1) ?? key;
  const section = key.slice(0, Math.max(0, key.length - name.length - 1));
  const siblings = RULES.filter((rule) => covers({ ...rule, key: rule.key.replace(/\.[^.]+$/, "") }, section));
  const meant = suggest(
    name,
    siblings.map((rule) => rule.key.split(".").at(-1) ?? "").filter((each) => !each.includes("*")),
  );
  return meant === undefined ? "not a setting of the published code that we know" : `unknown; did they mean ${meant}?`;
}
