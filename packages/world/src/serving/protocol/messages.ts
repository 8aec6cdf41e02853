// The messages of a played world: what a client and the server say over HTTP and WebSocket, as schemas and types. Frames with pixels
// travel beside them as binary messages (frame-codec.ts). Nothing here needs Node or a tensor: browsers import the types.
//
// A session is a tree. Its nodes are frames; the context's frames come first (0, 1, ...), and every step makes a new node from any node by
// an action: to rewind is to step from an earlier node, to branch is to do it twice. What a node shows depends only on the start, the
// seed and the actions and settings on the path to it.

import * as z from "zod";
import { channelsSchema } from "../../data/action-space.js";

/** Version of everything in this folder. A server refuses a client of another one. */
export const PROTOCOL_VERSION = 1;

const name = z.string().max(200);
const nodeId = z.int().min(0).max(0xffff_ffff);

/** Values of an action by channel name; channels left out are at rest. */
export const actionSchema = z.record(z.string().max(64), z.number()).meta({ id: "Action" });

/** What may be changed while playing; what is left out stays. */
export const settingsSchema = z
  .strictObject({
    /** Strength of action guidance; 1: none, and no second pass. */
    guidanceScale: z.number().min(0).max(20).optional(),
    /** Denoising steps per frame. */
    numSteps: z.int().min(1).max(250).optional(),
    /** Which decoder makes the pictures, where the world has both. */
    decoder: z.enum(["full", "tiny"]).optional(),
    /** Of the noise of the frames to come; where none was ever given, the session's own. */
    seed: z.int().min(0).max(0xffff_ffff).optional(),
  })
  .meta({ id: "Settings" });

/** Settings with none left out but the seed. */
const fullSettingsSchema = settingsSchema.required({ guidanceScale: true, numSteps: true, decoder: true });

/** Where a session starts. */
export const startSchema = z
  .discriminatedUnion("kind", [
    /** One of `GET /api/v1/starts`. */
    z.strictObject({ kind: z.literal("gallery"), id: name }),
    /** A picture uploaded before by `POST /api/v1/uploads`. */
    z.strictObject({ kind: z.literal("upload"), id: name }),
    /** A session file uploaded before: it is played again as it was. */
    z.strictObject({ kind: z.literal("replay"), id: name }),
  ])
  .meta({ id: "Start" });

/** How pixels are sent: as pictures, or raw (height * width * 3 bytes, for programs). */
export const frameFormatSchema = z.enum(["jpeg", "webp", "rgb"]).meta({ id: "FrameFormat" });

/** A number that a frame can carry; the largest one stands for none there. */
const u32 = z.int().min(0).max(0xffff_fffe);

const request = {
  /** Chosen by the client; the answer (or error) carries the same number. */
  request: u32,
};

/** Everything that a client sends. The first message is `open` or `resume`. */
export const clientMessageSchema = z
  .discriminatedUnion("type", [
    /** Begins a session. Answer: `opened`, after any number of `queued`. */
    z.strictObject({
      type: z.literal("open"),
      ...request,
      protocol: z.int(),
      start: startSchema,
      seed: z.int().min(0).max(0xffff_ffff).optional(),
      settings: settingsSchema.optional(),
      format: frameFormatSchema.default("jpeg"),
    }),
    /** Comes back to a session, after a lost connection or a reload. Answer: `opened`. */
    z.strictObject({
      type: z.literal("resume"),
      ...request,
      protocol: z.int(),
      session: name,
      key: name,
      format: frameFormatSchema.default("jpeg"),
    }),
    /** What is held now. Counts from the next frame on: the server looks once per frame, just before it is computed. No answer. */
    z.strictObject({ type: z.literal("action"), action: actionSchema, sequence: u32 }),
    /** Frames follow each other at `fps` (absent: the world's own) until `pause`. Answer: `state`. */
    z.strictObject({ type: z.literal("play"), ...request, fps: z.number().positive().max(240).optional() }),
    /** Stops after the frame in work. Answer: `state`. */
    z.strictObject({ type: z.literal("pause"), ...request }),
    /** One frame by this action, from `from` (absent: the current node). Answer: the frame, with the same request number. */
    z.strictObject({ type: z.literal("step"), ...request, from: nodeId.optional(), action: actionSchema }),
    /** Makes a node the current one (and pauses): the next frame goes on from there. Answer: `state`. */
    z.strictObject({ type: z.literal("goto"), ...request, node: nodeId }),
    /** Changes settings from the next frame on. Answer: `state`. */
    z.strictObject({ type: z.literal("settings"), ...request, settings: settingsSchema }),
    /**
     * Shown: so many frames of this connection were dealt with (drawn, or passed over for a newer one), stepped ones counted too. No frame is
     * played while two or more that were sent are not. No answer.
     */
    z.strictObject({ type: z.literal("shown"), count: z.int().min(0) }),
    /** Measures the way there and back. Answer: `pong`. */
    z.strictObject({ type: z.literal("ping"), ...request, sent: z.number() }),
    /** Ends the session and forgets it. Answer: `closed`. */
    z.strictObject({ type: z.literal("close"), ...request }),
  ])
  .meta({ id: "ClientMessage" });

/** One node of a session's tree, without its pixels (`GET /api/v1/sessions/ID/frames/NODE`). */
export const nodeSchema = z
  .strictObject({
    node: nodeId,
    /** Absent for the first context frame. */
    parent: nodeId.optional(),
    /** Number of the frame, counted from the first context frame. */
    frame: z.int().min(0),
    /** The action that led here, one value per channel in order; absent where nothing did. */
    action: z.array(z.number()).optional(),
    /** The settings it was drawn with; absent for context frames. */
    settings: settingsSchema.optional(),
  })
  .meta({ id: "Node" });

/** How a session stands. */
export const sessionStateSchema = z
  .strictObject({
    phase: z.enum(["paused", "playing", "restoring"]),
    node: nodeId,
    fps: z.number().positive(),
    settings: fullSettingsSchema,
  })
  .meta({ id: "SessionState" });

/** Why something was refused or ended; `message` is for people, says what to do, and holds no path of the server. */
export const errorCodeSchema = z.enum([
  "bad-message",
  "wrong-protocol",
  "wrong-token",
  "wrong-origin",
  "unknown-session",
  "unknown-node",
  "unknown-start",
  "bad-action",
  "bad-upload",
  "too-large",
  "too-fast",
  "too-many-frames",
  "server-full",
  "out-of-memory",
  "engine-failed",
  "shutting-down",
  "internal",
]);

/** One of the error codes. */
export type ErrorCode = z.output<typeof errorCodeSchema>;

const answer = { request: z.int().min(0) };

const opened = {
  session: name,
  /** Proves to `resume` and to HTTP (header `x-session-key`) that the session is one's own. Keep it secret. */
  key: name,
  seed: z.int(),
  nodes: z.array(nodeSchema),
  state: sessionStateSchema,
  /** Where the start is from a recording: how many of its true frames follow (`GET .../truth/FRAME`). */
  truthFrames: z.int().min(0),
  /** Where a session file is played again: nodes that are still to come. `play` makes them; `step` and `goto` end the replay. */
  replayFrames: z.int().min(0),
};

/** A session as it stands when it is opened over HTTP; `opened` of the WebSocket holds the same. */
export const openedSessionSchema = z.strictObject(opened).meta({ id: "OpenedSession" });

/** Everything that the server sends as text. Frames are binary messages. */
export const serverMessageSchema = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("opened"), ...answer, ...opened }),
    /** The server is full: the place in the queue, 1 is next. */
    z.strictObject({ type: z.literal("queued"), ...answer, position: z.int().min(1) }),
    z.strictObject({ type: z.literal("state"), request: z.int().min(0).optional(), state: sessionStateSchema }),
    /** The engine was lost and started again; the session goes on from `state.node`. */
    z.strictObject({ type: z.literal("restored"), state: sessionStateSchema }),
    z.strictObject({ type: z.literal("pong"), ...answer, sent: z.number() }),
    z.strictObject({ type: z.literal("closed"), ...answer }),
    z.strictObject({
      type: z.literal("error"),
      request: z.int().min(0).optional(),
      code: errorCodeSchema,
      message: z.string(),
    }),
  ])
  .meta({ id: "ServerMessage" });

/** `GET /api/v1/world`: what is played here. */
export const worldDescriptionSchema = z
  .strictObject({
    protocol: z.literal(PROTOCOL_VERSION),
    name: z.string(),
    description: z.string().optional(),
    width: z.int().positive(),
    height: z.int().positive(),
    /** Frames per second of the recordings it learned from. */
    fps: z.number().positive(),
    contextFrames: z.int().positive(),
    /** Most frames the network sees at once. */
    windowLength: z.int().positive(),
    /** Absent: a world that cannot be acted in. */
    channels: channelsSchema.optional(),
    settings: fullSettingsSchema.omit({ seed: true }),
    decoders: z.array(z.enum(["full", "tiny"])),
    limits: z.strictObject({
      sessions: z.int(),
      uploadBytes: z.int(),
      uploadPixels: z.int(),
      /** Frames a session may hold. */
      frames: z.int(),
    }),
    /** What computes it, such as `libtorch 2.11.0`: replays are exact only on the same. */
    version: z.string(),
    device: z.string(),
  })
  .meta({ id: "World" });

/** `GET /api/v1/starts`: one place to start from. Its picture: `GET /api/v1/starts/ID/picture`. */
export const galleryEntrySchema = z
  .strictObject({
    id: name,
    title: z.string(),
    /** True frames of the recording that follow the context. */
    truthFrames: z.int().min(0),
  })
  .meta({ id: "GalleryEntry" });

/** A session as a file: enough to play it again to the same bytes (same world, same libtorch, CPU). */
export const sessionFileSchema = z
  .strictObject({
    format: z.literal("vid2world-session/1"),
    /** Name of the world and the checksum (sha256) of its weights. */
    world: z.strictObject({ name: z.string(), checksum: z.string() }),
    seed: z.int().min(0),
    start: z.strictObject({
      /** Id in the gallery, where it came from there. */
      gallery: name.optional(),
      /** Context frames as PNG, base64, oldest first: they are always here, so that the file stands alone. */
      frames: z.array(z.string()).min(1).max(64),
      /** Actions between them, one value per channel. */
      actions: z.array(z.array(z.number())).optional(),
    }),
    /** Drawn nodes in the order in which they were made. */
    nodes: z.array(nodeSchema).max(100_000),
    /** The node that was shown last. */
    current: nodeId,
    made: z.strictObject({ program: z.string(), date: z.string() }),
  })
  .meta({ id: "SessionFile" });

export type Action = z.output<typeof actionSchema>;
export type Settings = z.output<typeof settingsSchema>;
export type Start = z.output<typeof startSchema>;
export type FrameFormat = z.output<typeof frameFormatSchema>;
export type ClientMessage = z.output<typeof clientMessageSchema>;
/** As a client writes it: what has a default may be left out. */
export type ClientMessageInput = z.input<typeof clientMessageSchema>;
export type ServerMessage = z.output<typeof serverMessageSchema>;
export type SessionNode = z.output<typeof nodeSchema>;
export type SessionState = z.output<typeof sessionStateSchema>;
export type OpenedSession = z.output<typeof openedSessionSchema>;
export type WorldDescription = z.output<typeof worldDescriptionSchema>;
export type GalleryEntry = z.output<typeof galleryEntrySchema>;
export type SessionFile = z.output<typeof sessionFileSchema>;
