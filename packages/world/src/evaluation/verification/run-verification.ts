// Runs every recorded case of a folder on one device with one dtype, and says of each how far it is off.
import { invalid } from "@vid2world/formats";
import { zeros, type Device, type DType } from "@vid2world/torch";

import { severity, type Check } from "./check.js";
import { checkDirectory, openFixtureSet, type FixtureSet, type Manifest } from "./fixture-set.js";
import type { CaseKind, CaseOptions, RecordedCase } from "./recorded-case.js";
import { caseKinds, covers } from "./registry.js";
import { openWorkspace } from "./workspace.js";

/** How a case ended; `measured` where the tolerances, which are float32's, do not judge the dtype. */
export type Outcome = "passed" | "failed" | "skipped" | "measured";

/** One case and how it ended. */
export interface CaseResult {
  /** Stem of the manifest, then the case: "unet_small/causal_a13_tB". */
  readonly name: string;
  readonly kind: string;
  readonly outcome: Outcome;
  /** Why it was skipped, or the error that ended it. */
  readonly reason?: string;
  readonly seconds: number;
  readonly checks: readonly Check[];
}

/** Everything that a folder of cases gave. */
export interface VerificationReport {
  readonly directory: string;
  readonly device: Device;
  readonly dtype: DType;
  readonly strict: boolean;
  readonly cases: readonly CaseResult[];
  /** Manifests that hold no cases known here. */
  readonly ignored: readonly string[];
}

/** Options of {@link runVerification}. */
export interface VerificationOptions extends CaseOptions {
  /** Default "cpu". */
  readonly device?: Device;
  /** What the networks compute in. Default float32. */
  readonly dtype?: DType;
  /** Memory order of feature maps; the same numbers either way. Default channelsLast. */
  readonly memoryFormat?: "channelsLast" | "contiguous";
  /** Judge half types too, by float32's tolerances. Default false: their errors are only reported. */
  readonly strict?: boolean;
  /** Only manifests of this kind (its `name`, or the name of its file). */
  readonly kind?: string;
  /** Sees every case before it runs: its place from 0, how many there are, its name. */
  readonly onStart?: (index: number, total: number, name: string) => void;
  readonly onResult?: (result: CaseResult) => void;
  readonly signal?: AbortSignal;
}

/** The check of a case that is closest to failing, or failed worst. */
export function worstCheck({ checks }: Pick<CaseResult, "checks">): Check | undefined {
  return [...checks].sort((a, b) => severity(b) - severity(a))[0];
}

/** How many cases ended so. */
export const countOutcome = ({ cases }: VerificationReport, outcome: Outcome): number =>
  cases.filter((result) => result.outcome === outcome).length;

/** A case with its place in the folder. */
interface Planned {
  readonly name: string;
  readonly kind: string;
  readonly recorded: RecordedCase;
}

/** Runs the cases of a folder one after the other. A case that throws has failed; the others go on. */
export async function runVerification(
  directory: string,
  options: VerificationOptions = {},
): Promise<VerificationReport> {
  const { device = "cpu", dtype = "float32", memoryFormat = "channelsLast", strict = false } = options;
  checkDirectory(directory);
  const set = await openFixtureSet(directory);
  const chosen = set.manifests.filter(({ kind, stem }) => [kind, stem, undefined].includes(options.kind));
  const known = chosen.filter(({ kind }) => caseKinds.some((candidate) => covers(candidate, kind)));
  if (known.length === 0) throw nothingToDo(set, options.kind);
  const planned = await plan(known, set, options);
  zeros([1], { device }).dispose(); // a device that is not there is refused once, not by every case
  const judged = strict || dtype === "float32" || dtype === "float64";
  const cases: CaseResult[] = [];
  for (const [index, { name, kind, recorded }] of planned.entries()) {
    options.signal?.throwIfAborted();
    options.onStart?.(index, planned.length, name);
    const started = performance.now();
    const ended = await runCase(recorded, { device, dtype, memoryFormat }, judged || !recorded.usesDtype);
    const result = { name, kind, seconds: (performance.now() - started) / 1000, ...ended };
    cases.push(result);
    options.onResult?.(result);
  }
  const ignored = chosen.filter((manifest) => !known.includes(manifest)).map(({ file }) => file);
  return { directory, device, dtype, strict, cases, ignored };
}

/** All cases in the order of the registry. A manifest that cannot be read is one case that fails. */
async function plan(manifests: readonly Manifest[], set: FixtureSet, options: CaseOptions): Promise<Planned[]> {
  const planned: Planned[] = [];
  for (const kind of caseKinds) {
    for (const manifest of manifests.filter((candidate) => covers(kind, candidate.kind))) {
      const cases = await casesOf(kind, manifest, set, options);
      for (const recorded of cases)
        planned.push({ name: `${manifest.stem}/${recorded.name}`, kind: manifest.kind, recorded });
    }
  }
  return planned;
}

async function casesOf(
  kind: CaseKind,
  manifest: Manifest,
  set: FixtureSet,
  options: CaseOptions,
): Promise<readonly RecordedCase[]> {
  try {
    return await kind.cases(manifest, set, options);
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    return [{ name: "manifest", usesDtype: false, run: () => Promise.reject(reason) }];
  }
}

async function runCase(
  recorded: RecordedCase,
  how: Parameters<typeof openWorkspace>[0],
  judged: boolean,
): Promise<Pick<CaseResult, "outcome" | "reason" | "checks">> {
  if (recorded.skip !== undefined) return { outcome: "skipped", reason: recorded.skip, checks: [] };
  using workspace = openWorkspace(how);
  try {
    const checks = await recorded.run(workspace);
    if (checks.length === 0) return { outcome: "skipped", reason: "nothing to compare was recorded", checks };
    const finite = checks.every(({ passed, maxAbs }) => passed || Number.isFinite(maxAbs));
    if (!judged && finite) return { outcome: "measured", checks };
    return { outcome: checks.every(({ passed }) => passed) ? "passed" : "failed", checks };
  } catch (error) {
    return { outcome: "failed", reason: error instanceof Error ? error.message : String(error), checks: [] };
  }
}

function nothingToDo({ directory, manifests }: FixtureSet, kind: string | undefined): Error {
  const there = [...new Set(manifests.map((manifest) => manifest.kind))].join(", ") || "none";
  return kind === undefined
    ? invalid("DIR", `a folder with recorded cases (kinds in ${directory}: ${there})`, directory)
    : invalid("--kind", `a kind that ${directory} has and that is known here (there: ${there})`, kind);
}
