// Where a clip starts in an episode for which no index was published: the same on every machine and in every run.
import { createHash } from "node:crypto";
import { invalid } from "@vid2world/formats";

/**
 * A place 0 .. places - 1 that depends on the name alone: the first 6 bytes of SHA-256 of its UTF-8, as a big-endian number,
 * modulo `places`. (The published code takes Python's `hash` of the name, which changes with every process.)
 */
export function stableStart(name: string, places: number): number {
  if (!Number.isSafeInteger(places) || places < 1) throw invalid("places", "a whole number >= 1", places);
  return createHash("sha256").update(name, "utf8").digest().readUIntBE(0, 6) % places;
}
