// The tokenizer against recorded tokens, and what it does where no vocabulary is at hand.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { fixtureFolder, hasFixture, manifest } from "../testing/fixtures.js";
import { clipTokenizer, cleanText, clipVocabulary, loadTokenizer } from "./tokenizer.js";

const vocabulary = join(fixtureFolder, "../data/clip", clipVocabulary.name);

interface TokenizerManifest {
  readonly strings: readonly string[];
  readonly raw_ids: readonly (readonly number[])[];
  readonly ids_77: readonly (readonly number[])[];
}

describe.skipIf(!existsSync(vocabulary))("with the published vocabulary (skipped without the shared data)", () => {
  test.skipIf(!hasFixture("tokenizer.json"))("every recorded text has the recorded tokens", async () => {
    const { strings, raw_ids, ids_77 } = manifest<TokenizerManifest>("tokenizer.json");
    const tokenizer = await loadTokenizer(vocabulary);
    for (const [i, text] of strings.entries()) expect([text, tokenizer.encode(text)]).toEqual([text, raw_ids[i]]);
    expect(tokenizer.rows(strings)).toEqual(ids_77);
    expect(tokenizer.tokenize(strings.slice(0, 2)).toNumbers()).toEqual(ids_77.slice(0, 2).flat());
  });

  test("the last two of 49,408 tokens are start and end", async () => {
    const tokenizer = await loadTokenizer(vocabulary);
    expect(tokenizer.vocabularySize).toBe(49408);
    expect(tokenizer.rows([""], 4)).toEqual([[49406, 49407, 0, 0]]);
  });
});

describe("with a vocabulary of three merges", () => {
  const tokenizer = clipTokenizer(["l o", "lo w</w>", "e r</w>"]);

  test("pairs are merged by rank, and the end of a word counts", () => {
    expect(tokenizer.vocabularySize).toBe(512 + 3 + 2);
    expect(tokenizer.encode("low")).toEqual([513]);
    expect(tokenizer.encode("Lower")).toEqual([512, "w".charCodeAt(0) - 33, 514]);
  });

  test("a long text is cut, and still ends with the end token", () => {
    expect(tokenizer.rows(["low low low low"], 4)).toEqual([[515, 513, 513, 516]]);
  });
});

test("a missing or different vocabulary is refused with its name, its origin and what was found", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vocabulary-"));
  const file = join(folder, "vocab.gz");
  await expect(loadTokenizer(file)).rejects.toThrow(
    /vocab\.gz.*ENOENT.*bpe_simple_vocab_16e6\.txt\.gz.*github\.com\/openai/s,
  );
  await writeFile(file, "something else");
  await expect(loadTokenizer(file)).rejects.toThrow(/14 bytes with sha256/);
  await rm(folder, { recursive: true });
});

test.each([
  ["schÃ¶n", "schön"],
  ["â€œyesâ€\u009d itâ€™s", '"yes" it\'s'],
  ["ＬＯＵＤ　ＮＯＩＳＥＳ", "loud noises"],
  ["ﬂubberiﬁc", "flubberific"],
  ["P&eacute;rez &amp; co", "pérez & co"],
  ["<b>&amp;amp;</b>", "<b>&</b>"],
  ["e\u0301te\u0301", "été"],
  ["“café…”", '"café…"'],
  ["£5 for Ã©clairs / æ—¥æœ¬èªž / ðŸ˜€", "£5 for éclairs / 日本語 / 😀"],
  ["“für 5£”, Zoë’s É‘", "\"für 5£\", zoë's é'"],
  ["a\u001b[31mred\u001b[0m\u0000b", "aredb"],
])("%s is read as %s", (text, clean) => expect(cleanText(text)).toBe(clean));
