// What the parts of a server share: the engine, the sessions, where they start, and how frames become pictures.

import { randomInt } from "node:crypto";
import type { FastifyBaseLogger } from "fastify";
import type { Engine } from "../engine.js";
import { encodeFrame } from "../protocol/frame-codec.js";
import type { FrameFormat, OpenedSession, ServerMessage, Settings, Start } from "../protocol/messages.js";
import { encodePicture } from "./frame-encoder.js";
import type { Gallery } from "./gallery/gallery.js";
import { StartPictures } from "./gallery/start-pictures.js";
import type { ServingLimits } from "./limits.js";
import { type ServerMetrics, serverMetrics } from "./metrics.js";
import { PictureStore } from "./picture-store.js";
import type { PlayedSession } from "./played-session.js";
import { ServingError } from "./serving-error.js";
import { settingsProblem } from "./settings.js";
import type { SessionStore } from "./session-store.js";
import { type Opening, type SessionEvent, SessionTable } from "./session-table.js";
import type { DrawnFrame } from "./session-viewer.js";
import { UploadStore } from "./uploads/upload-store.js";

/** What a session is asked to begin with. */
export interface OpenRequest {
  readonly start: Start;
  readonly seed?: number | undefined;
  readonly settings?: Settings | undefined;
}

/** What a server is made of. */
export interface ServerParts {
  readonly engine: Engine;
  readonly gallery: Gallery;
  readonly store: SessionStore;
  readonly limits: ServingLimits;
  readonly log: FastifyBaseLogger;
}

/** What the parts of a server share. */
export class ServerContext {
  readonly engine: Engine;
  readonly gallery: Gallery;
  readonly startPictures: StartPictures;
  readonly limits: ServingLimits;
  readonly log: FastifyBaseLogger;
  readonly metrics: ServerMetrics;
  readonly sessions: SessionTable;
  readonly uploads: UploadStore;
  readonly #pictures: PictureStore;

  constructor({ engine, gallery, store, log, limits: given }: ServerParts) {
    const frames = Math.min(given.frames, Math.floor(given.treeBytes / engine.world.latentBytes));
    const limits = { ...given, frames };
    this.engine = engine;
    this.gallery = gallery;
    this.startPictures = new StartPictures(gallery, engine.world);
    this.limits = limits;
    this.log = log;
    this.uploads = new UploadStore(engine.world, limits);
    this.#pictures = new PictureStore(limits.pictureBytes);
    this.metrics = serverMetrics(engine, () => this.sessions.counts);
    this.sessions = new SessionTable({
      ...{ engine, store, limits },
      onFrame: (frame, session) => this.#frameDrawn(frame, session),
      onRestored: () => this.metrics.engineLosses.inc(),
      onEvent: (event) => this.#sessionEvent(event),
      onAdmission: (decision) => log.debug(decision, `a client was ${decision.kind}`),
      onCrowdedOut: (sessions) =>
        log.warn({ sessions }, "saved sessions were deleted before their time: there are too many"),
      onError: (error) => log.error({ err: error }, "a session could not be saved"),
    });
  }

  /** What a session begins with, from what a client asked for. */
  async opening({ start, seed = randomInt(2 ** 32 - 1), settings }: OpenRequest): Promise<Opening> {
    if (settings) this.checkSettings(settings);
    const given = { seed, ...(settings && { settings }) };
    if (start.kind === "gallery") {
      const { truthFrames } = this.galleryEntry(start.id);
      return { start: { ...(await this.gallery.start(start.id)), ...given }, gallery: start.id, truthFrames };
    }
    const uploaded = this.uploads.find(start.id, start.kind);
    // A replay's own seed is part of what it replays.
    return { ...uploaded, start: { ...given, ...uploaded.start }, truthFrames: this.#truthOf(uploaded.gallery) };
  }

  #frameDrawn(frame: DrawnFrame, { id }: PlayedSession): void {
    this.metrics.frame(frame);
    const { node, batch, timings } = frame;
    this.log.debug({ session: id, node: node.node, batch, ...rounded(timings) }, "a frame was drawn");
  }

  #sessionEvent(event: SessionEvent): void {
    const { kind, session } = event;
    if (kind === "put away" || kind === "closed") this.#pictures.forget(session);
    if (kind === "saved") this.log.debug(event, "a session was saved");
    else this.log.info(event, `a session was ${kind}`);
  }

  /** True frames after a start of the gallery; none where it is not of this gallery. */
  #truthOf(gallery: string | undefined): number {
    return this.gallery.entries.find(({ id }) => id === gallery)?.truthFrames ?? 0;
  }

  /** An entry of the gallery. Throws `unknown-start`. */
  galleryEntry(id: string): Gallery["entries"][number] {
    const entry = this.gallery.entries.find((one) => one.id === id);
    if (entry) return entry;
    throw new ServingError("unknown-start", "no such start; GET /api/v1/starts lists them");
  }

  /** Throws `bad-message` for settings that this world does not have. */
  checkSettings(settings: Settings): void {
    const problem = settingsProblem(settings, this.engine.world);
    if (problem !== undefined) throw new ServingError("bad-message", `settings.${problem}`);
  }

  /** What a client is told of a session that it opened. */
  describe(session: PlayedSession): OpenedSession {
    const { id, seed, nodes, state, gallery } = session;
    const key = this.sessions.key(id);
    const truthFrames = Math.min(session.truthFrames, this.#truthOf(gallery)); // it may have begun on another server
    return { session: id, key, seed, nodes, state, truthFrames, replayFrames: session.scripted };
  }

  /** The same as a message. */
  opened(session: PlayedSession, request: number): ServerMessage {
    return { type: "opened", request, ...this.describe(session) };
  }

  /** A frame just drawn as a binary message; `request` where one asked for it. */
  async frameMessage(
    frame: DrawnFrame,
    format: FrameFormat,
    session: PlayedSession | undefined,
    request?: number,
  ): Promise<Uint8Array> {
    const begun = performance.now();
    const pixels = await this.encode(frame, format, session);
    const encoded = performance.now();
    await frame.noted;
    const now = performance.now();
    const { width, height } = this.engine.world;
    const { node, held, batch } = frame;
    return encodeFrame({
      ...{ format, node: node.node, frame: node.frame, width, height, batch, pixels },
      ...(node.parent !== undefined && { parent: node.parent }),
      ...(request !== undefined && { request }),
      ...(held && { sequence: held.sequence }),
      timings: { ...frame.timings, encode: encoded - begun, sinceAction: held ? now - held.received : 0 },
      action: Float32Array.from(node.action ?? []),
    });
  }

  /** The picture of a frame just drawn, which is kept for those who look back. */
  async encode(
    { node, pixels }: DrawnFrame,
    format: FrameFormat,
    session: PlayedSession | undefined,
  ): Promise<Uint8Array> {
    const bytes = await encodePicture(pixels, this.engine.world, format);
    if (session && !session.ended) this.#pictures.put(session.id, node.node, format, bytes);
    return bytes;
  }

  /** The picture of any node of a session: one that was kept, or made once more of what the engine knows. */
  async picture(session: PlayedSession, number: number, format: FrameFormat): Promise<Uint8Array> {
    const { node } = session.node(number);
    const kept = this.#pictures.get(session.id, node, format);
    if (kept) return kept;
    const pixels =
      this.#pictures.get(session.id, node, "rgb") ??
      (await session.inTurn(() => session.ask((engine) => engine.picture(session.id, node))));
    const bytes = await encodePicture(pixels, this.engine.world, format);
    if (!session.ended) this.#pictures.put(session.id, node, format, bytes);
    return bytes;
  }
}

/** Milliseconds as a log needs them. */
const rounded = (times: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(times).map(([part, milliseconds]) => [part, Math.round(milliseconds * 10) / 10]));
