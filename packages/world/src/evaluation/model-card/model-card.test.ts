// The card of a toy world: everything is on it, and it needs nothing else.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openRecording } from "../../data/recording.js";
import { toySize, toyWorld, writeToyRecording } from "../toy-world.js";
import { cardPage } from "./card-page.js";
import { measureCard } from "./measure-card.js";

test("a card has scores beside baselines, obedience, drift, clips, training and what it was made with", async () => {
  const root = await mkdtemp(path.join(tmpdir(), "card-"));
  try {
    await writeToyRecording(root, 60);
    const done: string[] = [];
    const content = await measureCard(toyWorld(), await openRecording(root), {
      ...{ starts: 4, frames: 4, driftFrames: 6, seed: 0, cacheFolder: path.join(root, "cache") },
      onProgress: (what) => done.push(what),
    });
    expect([...new Set(done)]).toEqual(["predicting", "learning from the recordings", "obedience", "drift"]);
    const training = [{ id: "loss", title: "Loss <curve>", note: "", series: [{ name: "a", points: [[1, 2], [2, 1]] as const }] }]; // prettier-ignore
    const page = await cardPage(content, { ...toySize, fps: 8, clips: 2, facts: [["licence", "CC0"]], training });
    for (const title of [
      "How near to",
      "Does it do as it is told",
      "Where does it break",
      "worst first",
      "How it was trained",
      "Made with",
    ])
      // prettier-ignore
      expect(page).toContain(title);
    expect(page.match(/class="frame"/g)).toHaveLength(3 * 3);
    expect(page).toMatch(/\(the median\)[^]*\(the best\)/);
    expect(page).toMatch(/<th scope="row">last known frame again<\/th><td>\d+\.\d\d \[\d+/);
    expect(page).not.toContain("<curve>");
    expect(page).not.toMatch(/(src|href)="(?!data:)|url\((?!data:)|@import/);
  } finally {
    await rm(root, { recursive: true });
  }
}, 120_000);
