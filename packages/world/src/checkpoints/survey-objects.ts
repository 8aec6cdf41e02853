// Looks through what a PyTorch archive holds besides tensors: pickled settings, names of classes. Everything in it is a record of what
// the file says, nothing was built or called.
import { FormatError } from "@vid2world/formats";
import { PickleGlobal, PickleObject } from "@vid2world/formats/pickle/values";
import { TorchTensorRecord } from "@vid2world/formats/torch-archive/records";

/** What was found. */
export interface ObjectSurvey {
  /** Frames of a training window. */
  temporalLength: number | undefined;
  /** How the temporal kernels were made causal. */
  transfer: string | undefined;
  /** `module.name` of every class and function that is named. */
  readonly classes: Set<string>;
}

/** Objects looked at, at most: pickled settings are small, and a hostile file need not be walked to its end. */
const MOST_OBJECTS = 100_000;

/** Looks through everything but tensors: for classes, and for the two settings that weights do not tell. */
export function surveyObjects(root: unknown): ObjectSurvey {
  const survey: ObjectSurvey = { temporalLength: undefined, transfer: undefined, classes: new Set() };
  const seen = new Set<object>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0 && seen.size < MOST_OBJECTS) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null || value instanceof TorchTensorRecord || seen.has(value)) continue;
    if (ArrayBuffer.isView(value)) continue;
    seen.add(value);
    if (value instanceof PickleGlobal) survey.classes.add(String(value));
    else if (value instanceof PickleObject) {
      survey.classes.add(String(value));
      waiting.push(value.args, value.items, value.state, value.entries);
    } else if (value instanceof Map) {
      for (const [key, child] of value as Map<unknown, unknown>) {
        note(survey, key, child);
        waiting.push(child);
      }
    } else if (Array.isArray(value) || value instanceof Set) {
      for (const child of value as Iterable<unknown>) waiting.push(child);
    }
  }
  return survey;
}

/** Names as the published configurations spell them. */
function note(survey: ObjectSurvey, key: unknown, value: unknown): void {
  const plain = unboxed(value);
  if (key === "temporal_length" && typeof plain === "number") survey.temporalLength ??= plain;
  if (key === "better_weight_transfer" && typeof plain === "string") survey.transfer ??= plain;
}

/** A configuration library's node keeps its value under `_val`. */
function unboxed(value: unknown): unknown {
  if (!(value instanceof PickleObject) || !(value.state instanceof Map)) return value;
  return (value.state as Map<unknown, unknown>).get("_val");
}

/** Modules whose functions run programs or code, which no settings of a model are made of. */
const CODE_MODULES =
  /^(posix|nt|os|sys|subprocess|commands|pty|shutil|socket|ctypes|runpy|importlib|imp|pickle|marshal|code|webbrowser|asyncio|multiprocessing)(\.|$)/;
const CODE_BUILTINS = /^(builtins|__builtin__)\.(eval|exec|execfile|compile|open|file|__import__)$/;

/** Refuses a file that names a function that runs code. It was not called here; who loads the file with Python would have it called. */
export function refuseCode(path: string, classes: Iterable<string>): void {
  for (const name of classes) {
    if (!CODE_MODULES.test(name) && !CODE_BUILTINS.test(name)) continue;
    throw new FormatError(
      path,
      `names ${name}, which runs code and has no place in a checkpoint; nothing was run: delete the file and get it from its author`,
    );
  }
}
