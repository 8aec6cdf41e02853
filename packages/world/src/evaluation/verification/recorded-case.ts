// The shape of a recorded case, and of a kind of cases.
import { inferenceMode, scope } from "@vid2world/torch";

import type { Check } from "./check.js";
import type { FixtureSet, Manifest } from "./fixture-set.js";
import type { Workspace } from "./workspace.js";

/** One case: what the user sees as a line. */
export interface RecordedCase {
  /** Within its manifest: "causal_a13_tB". */
  readonly name: string;
  /** Whether the numbers depend on the dtype of the networks: then tolerances, which are float32's, may not fit. */
  readonly usesDtype: boolean;
  /** Why it is not run. */
  readonly skip?: string;
  /** Computes the case here and compares. */
  readonly run: (workspace: Workspace) => Promise<readonly Check[]>;
}

/** What a user may add to the recorded files. */
export interface CaseOptions {
  /** CLIP's byte-pair vocabulary, which belongs to no recorded set. */
  readonly vocabulary?: string;
}

/** A kind of cases. */
export interface CaseKind {
  /** As the manifests call it; a trailing `*` stands for anything. */
  readonly name: string;
  /** The cases of one manifest. Throws a FormatError where the manifest is not what the format says. */
  readonly cases: (manifest: Manifest, set: FixtureSet, options: CaseOptions) => Promise<readonly RecordedCase[]>;
}

/** A case that cannot be run, with the reason. */
export function skipped(name: string, skip: string): RecordedCase {
  return { name, usesDtype: false, skip, run: () => Promise.resolve([]) };
}

/** Computes without gradients and frees everything but the result. */
export function compute<T extends object | number | void>(body: () => T): T {
  return inferenceMode(() => scope(body));
}
