// What the published loggers and the held-out dataset say together: protocol, context frames, sampler.
import type { ConfigValue } from "../document.js";
import { classOf } from "./rule.js";
import { EVALUATORS, ONLOOKERS } from "./rules-lightning.js";
import type { PublishedSource } from "./source.js";

/** A setting of ours, and the published key that it comes from. */
export interface Derived {
  readonly to: string;
  readonly value: ConfigValue;
  readonly from: string;
}

/** Our names of what a logger passes to the sampler, and what the published code takes when it does not. */
const SAMPLER: readonly (readonly [name: string, to: string, absent: ConfigValue])[] = [
  ["ddim_steps", "sampler.numSteps", 50],
  ["ddim_eta", "sampler.eta", 1],
  ["unconditional_guidance_scale", "sampler.guidanceScale", 1],
  ["guidance_rescale", "sampler.guidanceRescale", 0],
  ["timestep_spacing", "sampler.spacing", "uniform"],
];

/** The settings. `ignored` names the loggers that also sample, but whose settings another one overrules. */
export function evaluationOf(source: PublishedSource): { settings: Derived[]; ignored: string[] } {
  const loggers = loggersOf(source);
  const chosen = loggers.find(({ name }) => EVALUATORS.includes(name)) ?? loggers[0];
  const ignored = loggers.filter((logger) => logger !== chosen).map(({ section }) => section);
  return { settings: [...protocolOf(source, chosen), ...samplerOf(source, chosen)], ignored };
}

interface Logger {
  readonly section: string;
  readonly name: string;
}

function loggersOf({ settings }: PublishedSource): Logger[] {
  return settings.flatMap(({ key, value }) => {
    const section = /^(lightning\.callbacks\.[^.]+)\.target$/.exec(key)?.[1];
    const name = classOf(value);
    return section !== undefined && [...EVALUATORS, ...ONLOOKERS].includes(name) ? [{ section, name }] : [];
  });
}

function protocolOf({ get }: PublishedSource, logger: Logger | undefined): Derived[] {
  const data = "data.params.validation";
  const given = (key: string, to: string): Derived[] => {
    const value = get(key);
    return value === undefined ? [] : [{ to, value, from: key }];
  };
  const named = (name: string, from: string): Derived => ({ to: "protocol.name", value: name, from });
  const context = logger ? given(`${logger.section}.params.log_images_kwargs.cond_frame`, "contextFrames") : [];
  // RECON's and CS:GO's loggers always give four frames.
  const four = logger && [{ to: "contextFrames", value: 4, from: `${logger.section}.target` }];

  if (classOf(get(`${data}.target`)) === "RTVidActionControl") {
    return [named("action-control", `${data}.target`), ...context];
  }
  const experiment = get(`${data}.params.exp`);
  if (experiment !== undefined) {
    const name = experiment === "rollout" ? "rollout" : "single-step";
    return [
      named(name, `${data}.params.exp`),
      ...(four ?? [{ to: "contextFrames", value: 4, from: `${data}.params.exp` }]),
    ];
  }
  switch (logger?.name) {
    case "CSGOLongRolloutVideoLogger": {
      const { section } = logger;
      const history = given(`${section}.params.history_steps`, "contextFrames");
      const frames = given(`${section}.params.rollout_steps`, "protocol.frames");
      const assumed = { to: "contextFrames", value: 9, from: `${section}.target` };
      return [named("long", `${section}.target`), ...frames, ...(history.length > 0 ? history : [assumed])];
    }
    case "CSGOVideoLogger":
      return [named("ar", `${logger.section}.target`), ...(four ?? [])];
    case "MetricsLogger": {
      const key = `${logger.section}.params.log_images_kwargs.ar`;
      const name = get(key) === false ? "nar" : "ar";
      return [named(name, get(key) === undefined ? `${logger.section}.target` : key), ...context];
    }
    default:
      return context;
  }
}

function samplerOf({ get, has }: PublishedSource, logger: Logger | undefined): Derived[] {
  if (!logger || !has(`${logger.section}.params`)) return [];
  const at = (name: string): string => `${logger.section}.params.log_images_kwargs.${name}`;
  const settings = SAMPLER.map(([name, to, absent]): Derived => {
    const value = get(at(name));
    return value === undefined
      ? { to, value: absent, from: `${at(name)} (absent: the code's default)` }
      : { to, value, from: at(name) };
  });
  const schedule = get(at("ar_noise_schedule"));
  const level =
    schedule === undefined ? [] : [{ to: "sampler.historyLevel", value: "second-step", from: at("ar_noise_schedule") }];
  return [...settings, ...level];
}
