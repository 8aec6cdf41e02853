// How one setting of the published code is accounted for.
import type { ConfigValue } from "../document.js";

/** Looks up another setting of the same file. */
export type Lookup = (key: string) => ConfigValue | undefined;

/** Settings of ours by dotted path; undefined leaves one out. */
export type Settings = Readonly<Record<string, ConfigValue | undefined>>;

/** One setting of the published code, with exactly one of `set`, `feeds` and `reason`. */
export interface Rule {
  /** Dotted path; `*` stands for one name, a closing `**` for anything below. */
  readonly key: string;
  /** What it becomes. */
  readonly set?: (value: ConfigValue, get: Lookup) => Settings;
  /** What is worked out from it together with others. */
  readonly feeds?: string;
  /** Why it has no effect here. */
  readonly reason?: string;
  /** What the published code takes when the file says nothing, though the section is there. */
  readonly absent?: ConfigValue;
  /** The setting without which `absent` means nothing. */
  readonly needs?: string;
  /** All values that can be expressed here. */
  readonly only?: readonly ConfigValue[];
  /** Classes that are known, by the last part of their path. */
  readonly classes?: readonly string[];
  /** Says what is wrong with a value, if anything is. */
  readonly check?: (value: ConfigValue, get: Lookup) => string | undefined;
}

/** A rule that hands the value on as it is. */
export const keep = (key: string, to: string, more: Partial<Rule> = {}): Rule => ({
  key,
  set: (value) => ({ [to]: value }),
  ...more,
});

/** A rule for what the published code can switch and this project cannot: only the value that it has here is taken. */
export const fixed = (key: string, only: readonly ConfigValue[], reason: string, more: Partial<Rule> = {}): Rule => ({
  key,
  only,
  reason,
  ...more,
});

/** A rule for what has no effect on results here. */
export const idle = (key: string, reason: string): Rule => ({ key, reason });

/** `a.b.ClassName` -> `ClassName`. */
export const classOf = (target: ConfigValue | undefined): string =>
  typeof target === "string" ? (target.split(".").at(-1) ?? "") : "";

/** Whether a rule is about a key. */
export function covers({ key: pattern }: Rule, key: string): boolean {
  const [wanted, given] = [pattern.split("."), key.split(".")];
  const open = wanted.at(-1) === "**";
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((part, i) => part === "*" || part === "**" || part === given[i]);
}

/** What is wrong with a value under a rule; undefined when it can be expressed here. */
export function faultOf({ only, classes, check }: Rule, value: ConfigValue, get: Lookup): string | undefined {
  if (classes && !classes.includes(classOf(value))) {
    return `class ${show(value)} is not known; known: ${classes.join(", ")}`;
  }
  if (only && !only.some((each) => JSON.stringify(each) === JSON.stringify(value))) {
    return `${show(value)} cannot be expressed here; ${only.map(show).join(" or ")} can`;
  }
  const wrong = check?.(value, get);
  return wrong === undefined ? undefined : `${show(value)} ${wrong}`;
}

/** A value as it stands in messages. */
export const show = (value: ConfigValue): string => JSON.stringify(value);
