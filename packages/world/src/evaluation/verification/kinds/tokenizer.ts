// The text tower's tokenizer on recorded strings. It needs CLIP's vocabulary, which no recorded set contains.
import { existsSync } from "node:fs";
import { join } from "node:path";

import * as z from "zod";

import { clipVocabulary, loadTokenizer } from "../../../model/clip/tokenizer.js";
import { compareExactly, type Check } from "../check.js";
import { skipped, type CaseKind, type CaseOptions } from "../recorded-case.js";

const ids = z.array(z.array(z.int()));

const manifestSchema = z.looseObject({
  strings: z.array(z.string()),
  raw_ids: ids.optional(),
  ids_77: ids.optional(),
});

/** Tokens with and without start, end and padding. */
export const tokenizer: CaseKind = {
  name: "tokenizer",
  cases(manifest, set, options) {
    const recorded = manifest.read(manifestSchema);
    const file = findVocabulary(set.directory, options);
    if (file === undefined) return Promise.resolve([skipped("strings", NO_VOCABULARY)]);
    const run = async (): Promise<Check[]> => {
      const loaded = await loadTokenizer(file);
      const { strings, raw_ids, ids_77 } = recorded;
      return strings.flatMap((text, i) => {
        const padded = ids_77?.[i];
        return [
          ...compareIds(`raw_ids[${i}]`, text, loaded.encode(text), raw_ids?.[i]),
          ...compareIds(`ids_77[${i}]`, text, loaded.rows([text], padded?.length)[0] ?? [], padded),
        ];
      });
    };
    return Promise.resolve([{ name: "strings", usesDtype: false, run }]);
  },
};

const NO_VOCABULARY = `needs CLIP's vocabulary ${clipVocabulary.name}: give it by --vocabulary or VID2WORLD_CLIP_VOCABULARY`;

/** The file that was named, else the one in a known place: by the environment, or in a `data/clip` folder beside the recorded set. */
function findVocabulary(directory: string, { vocabulary }: CaseOptions): string | undefined {
  const named = vocabulary ?? process.env["VID2WORLD_CLIP_VOCABULARY"];
  if (named !== undefined) return named;
  const folders = [join(directory, "../data/clip"), "../shared/data/clip"];
  return folders.map((folder) => join(folder, clipVocabulary.name)).find(existsSync);
}

function compareIds(name: string, text: string, actual: readonly number[], expected?: readonly number[]): Check[] {
  if (expected === undefined) return [];
  const at = expected.findIndex((id, i) => id !== actual[i]);
  const difference =
    at >= 0
      ? `token ${at} of ${JSON.stringify(text)} is ${actual[at]}, recorded ${expected[at]}`
      : `${actual.length} tokens of ${JSON.stringify(text)}, recorded are ${expected.length}`;
  return [compareExactly(name, at < 0 && actual.length === expected.length, difference)];
}
