// What goes over HTTP beside the WebSocket: bodies and answers as schemas and types. Nothing here needs Node or a tensor.

import * as z from "zod";
import {
  PROTOCOL_VERSION,
  actionSchema,
  errorCodeSchema,
  frameFormatSchema,
  galleryEntrySchema,
  settingsSchema,
  startSchema,
} from "./messages.js";

/** Where everything lies. */
export const API = "/api/v1";

/** Header that holds a session's key. */
export const KEY_HEADER = "x-session-key";

const nodeId = z.int().min(0).max(0xffff_ffff);

/** `POST /sessions`. */
export const openBodySchema = z
  .strictObject({
    protocol: z.literal(PROTOCOL_VERSION).default(PROTOCOL_VERSION),
    start: startSchema,
    seed: z.int().min(0).max(0xffff_ffff).optional(),
    settings: settingsSchema.optional(),
  })
  .meta({ id: "OpenBody" });

/** `POST /sessions/ID/step`: one or several actions, each going on from the frame before. */
export const stepBodySchema = z
  .strictObject({
    actions: z.array(actionSchema).min(1).max(256),
    /** The node to go on from. Absent: the current one. */
    from: nodeId.optional(),
    /** Changed before the first frame, and from then on. */
    settings: settingsSchema.optional(),
    format: frameFormatSchema.default("rgb"),
  })
  .meta({ id: "StepBody" });

/** `POST /step`: one step of several sessions, computed together. */
export const stepTogetherBodySchema = z
  .strictObject({
    steps: z
      .array(
        z.strictObject({
          session: z.string().max(200),
          key: z.string().max(200),
          action: actionSchema,
          from: nodeId.optional(),
        }),
      )
      .min(1)
      .max(256),
    format: frameFormatSchema.default("rgb"),
  })
  .meta({ id: "StepTogetherBody" });

/** `POST /sessions/ID/fork`. */
export const forkBodySchema = z
  .strictObject({
    /** Current node of the new session. Absent: that of the old one. */
    node: nodeId.optional(),
  })
  .meta({ id: "ForkBody" });

/** Answer of `POST /uploads`. */
export const uploadedSchema = z
  .strictObject({
    /** For `start: { kind: "upload" | "replay", id }`. */
    id: z.string(),
    kind: z.enum(["upload", "replay"]),
    /** Frames found in it, or nodes of the session file. */
    frames: z.int(),
    /** False: a session file of a world with other weights, whose frames will come out differently. */
    exact: z.boolean(),
  })
  .meta({ id: "Uploaded" });

/** Answer of `GET /starts`. */
export const startsSchema = z.strictObject({ starts: z.array(galleryEntrySchema) }).meta({ id: "Starts" });

/** Answer of everything that fails. */
export const httpErrorSchema = z
  .strictObject({ error: z.strictObject({ code: errorCodeSchema, message: z.string() }) })
  .meta({ id: "HttpError" });

/** As a client writes them: what has a default may be left out. */
export type OpenBody = z.input<typeof openBodySchema>;
export type StepBody = z.input<typeof stepBodySchema>;
export type StepTogetherBody = z.input<typeof stepTogetherBodySchema>;
export type Uploaded = z.output<typeof uploadedSchema>;
