// One robot episode out of a record: encoded pictures and action rows, checked against what features.json promises.
//   T steps, H rows, W columns, C = 3 colours, A numbers of an action
import { decodeImage, FormatError, invalid, type RgbImage } from "@vid2world/formats";
import type { Example, Feature } from "@vid2world/formats/tfrecord/example";
import type { StepField } from "./features.js";
import { RT1_ACTION } from "./known-datasets.js";

/** Which fields make a training example. */
export interface EpisodeFields {
  readonly image: StepField;
  /** Joined in this order. */
  readonly action: readonly StepField[];
  /** An instruction in words, where the dataset has one. */
  readonly text: StepField | undefined;
}

/** An episode as it stands in a record. */
export interface RldsEpisode {
  readonly steps: number;
  /** Width of an action. */
  readonly actionWidth: number;
  readonly actions_TA: Float32Array;
  /** Encoded pictures, or undefined if the dataset holds raw pixels. */
  readonly encoded: readonly Uint8Array[] | undefined;
  readonly instruction: string | undefined;
  /** Decodes the picture of a step. */
  readonly image: (step: number) => Promise<RgbImage>;
}

/** What to take from a dataset; what is left out is found out. */
export interface FieldChoice {
  /** Field of the observation with the picture: "image". */
  readonly imageKey: string;
  /** Fields below a step, joined in this order: ["action/world_vector"]. Default: RT-1's, or the one that `action` is. */
  readonly action?: readonly string[] | undefined;
}

/** Finds the fields of a choice; what is missing is an error that lists what is there. */
export function chooseFields(fields: ReadonlyMap<string, StepField>, { imageKey, action }: FieldChoice): EpisodeFields {
  const image = fields.get(`observation/${imageKey}`) ?? fields.get(imageKey);
  if (image === undefined || !isPicture(image)) {
    const pictures = [...fields.values()].filter(isPicture).map(({ path }) => path.replace(/^observation\//, ""));
    throw invalid("imageKey", `a field with pictures (${pictures.join(", ") || "there is none"})`, imageKey);
  }
  const paths = action ?? defaultAction(fields);
  const chosen = paths.map((path) => {
    const field = fields.get(path);
    if (field?.kind === "numbers") return field;
    throw invalid("action", `fields of numbers (${numberFields(fields)})`, path);
  });
  const texts = [...fields.values()].filter(({ kind, path }) => kind === "text" && path.endsWith("instruction"));
  return { image, action: chosen, text: texts[0] };
}

function isPicture({ kind, shape, dtype }: StepField): boolean {
  return kind === "image" || (kind === "numbers" && dtype === "uint8" && shape.length === 3 && shape[2] === 3);
}

function defaultAction(fields: ReadonlyMap<string, StepField>): readonly string[] {
  if (fields.has("action")) return ["action"];
  if (RT1_ACTION.every((path) => fields.has(path))) return RT1_ACTION;
  throw invalid(
    "action",
    `a list of fields, as this dataset's action is not RT-1's (it has ${numberFields(fields)})`,
    undefined,
  );
}

function numberFields(fields: ReadonlyMap<string, StepField>): string {
  const numbers = [...fields.values()].filter(({ kind, dtype }) => kind === "numbers" && dtype !== "uint8");
  return numbers.map(({ path }) => path).join(", ");
}

/** Takes an episode from a record; `place` is what errors call it. */
export function readEpisode(example: Example, fields: EpisodeFields, place: string, offset?: number): RldsEpisode {
  const fail = (message: string): FormatError => new FormatError(place, message, offset);
  const listOf = (field: StepField): Feature => {
    const list = example.get(field.key);
    if (list !== undefined) return list;
    throw fail(
      `has no list ${field.key}, which features.json promises; it has ${[...example.keys()].join(", ") || "none"}`,
    );
  };
  const pictures = readPictures(listOf(fields.image), fields.image, fail);
  const steps = pictures.count;
  const columns = fields.action.map((field) => {
    const width = field.shape.reduce((product, size) => product * size, 1);
    const { kind, values } = listOf(field);
    if (kind === "bytes") throw fail(`${field.key} holds bytes, not numbers`);
    if (values.length !== steps * width) {
      throw fail(`${field.key} holds ${values.length} numbers; ${steps} steps of ${width} need ${steps * width}`);
    }
    return { width, values };
  });
  const actionWidth = columns.reduce((sum, { width }) => sum + width, 0);
  const actions_TA = new Float32Array(steps * actionWidth);
  let at = 0;
  for (let t = 0; t < steps; t++) {
    for (const { width, values } of columns) {
      for (let i = 0; i < width; i++) actions_TA[at++] = Number(values[t * width + i]);
    }
  }
  const bad = actions_TA.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw fail(`step ${Math.floor(bad / actionWidth)}: entry ${bad % actionWidth} of its action is ${actions_TA[bad]}`);
  return {
    steps,
    actionWidth,
    actions_TA,
    encoded: pictures.encoded,
    instruction: instructionOf(example, fields.text),
    image: pictures.decode,
  };
}

interface Pictures {
  readonly count: number;
  readonly encoded: readonly Uint8Array[] | undefined;
  readonly decode: (step: number) => Promise<RgbImage>;
}

function readPictures(list: Feature, field: StepField, fail: (message: string) => FormatError): Pictures {
  const [height = -1, width = -1] = field.shape;
  if (field.kind === "image") {
    if (list.kind !== "bytes") throw fail(`${field.key} holds numbers, not pictures`);
    if (list.values.length === 0) throw fail("has no steps");
    const decode = async (step: number): Promise<RgbImage> => {
      const name = fail(`picture of step ${step}`).message;
      const image = await decodeImage(list.values[step] ?? new Uint8Array(0), name);
      const expected = (height < 0 || image.height === height) && (width < 0 || image.width === width);
      if (expected) return image;
      throw new FormatError(name, `${image.width}x${image.height}, but features.json says ${width}x${height}`);
    };
    return { count: list.values.length, encoded: list.values, decode };
  }
  const size = height * width * 3;
  if (list.kind !== "int64" || list.values.length === 0 || list.values.length % size !== 0) {
    throw fail(`${field.key} holds ${list.values.length} values, not whole pictures of ${width}x${height}`);
  }
  const decode = (step: number): Promise<RgbImage> => {
    const pixels = list.values.subarray(step * size, (step + 1) * size);
    return Promise.resolve({ data_HWC: Uint8Array.from(pixels, Number), height, width });
  };
  return { count: list.values.length / size, encoded: undefined, decode };
}

function instructionOf(example: Example, field: StepField | undefined): string | undefined {
  const list = field && example.get(field.key);
  const first = list?.kind === "bytes" ? list.values[0] : undefined;
  return first === undefined || first.length === 0 ? undefined : new TextDecoder().decode(first);
}
