// A session as a file of its own: first frames, seed, and every node with its action and settings; no pixels but the first.

import sharp from "sharp";
import type { EngineWorld } from "../engine.js";
import type { SessionFile } from "../protocol/messages.js";
import type { SessionRecord } from "./saved-session.js";

/** The file of a session as it stands. */
export async function sessionFile(
  { start, nodes, ...record }: SessionRecord,
  world: EngineWorld,
): Promise<SessionFile> {
  const { name, checksum, width, height, version } = world;
  const size = width * height * 3;
  const context = Array.from({ length: start.frames.length / size }, (_, k) =>
    start.frames.subarray(k * size, (k + 1) * size),
  );
  const raw = { width, height, channels: 3 } as const;
  const pictures = await Promise.all(context.map((frame) => sharp(frame, { raw }).png().toBuffer()));
  return {
    format: "vid2world-session/1",
    world: { name, checksum },
    seed: record.seed,
    start: {
      ...(record.gallery !== undefined && { gallery: record.gallery }),
      frames: pictures.map((picture) => picture.toString("base64")),
      ...(start.actions && { actions: start.actions.map((row) => [...row]) }),
    },
    nodes: nodes.slice(context.length),
    current: record.current,
    made: { program: `vid2world with ${version}`, date: new Date().toISOString() },
  };
}
