// The protocol as documents that other tools read: OpenAPI 3.1 of the HTTP part, JSON Schema of the WebSocket's messages. Made from the very
// schemas that the server checks with, which serves them; docs/protocol/ keeps them.

import * as z from "zod";
import { FRAMES_TYPE } from "./frame-packing.js";
import * as http from "./http.js";
import * as messages from "./messages.js";

type Json = Record<string, unknown>;

interface Route {
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  readonly summary: string;
  /** Schema of a JSON body, or what else it is. */
  readonly body?: z.ZodType | "file" | "snapshot";
  /** Schema of a JSON answer, or its media type. */
  readonly answer?: z.ZodType | string;
  readonly status?: number;
  /** Whether it is about one session, whose key it needs. */
  readonly session?: boolean;
  /** Whether `format` chooses the encoding of the picture. */
  readonly picture?: boolean;
}

const bytes = "application/octet-stream";
const pictures = "image/jpeg";
const json = "application/json";

/** Every route of the interface. */
export const routes: readonly Route[] = [
  { method: "get", path: "/openapi.json", summary: "This document", answer: json },
  { method: "get", path: "/messages.schema.json", summary: "The JSON Schema of what goes over the WebSocket as text", answer: json }, // prettier-ignore
  { method: "get", path: "/world", summary: "What is played here", answer: messages.worldDescriptionSchema },
  { method: "get", path: "/starts", summary: "Where a session can begin", answer: http.startsSchema },
  { method: "get", path: "/starts/{id}/picture", summary: "The newest context frame of a start", answer: pictures },
  { method: "post", path: "/uploads", summary: "A picture, a short video or a session file to begin with", body: "file", answer: http.uploadedSchema, status: 201 }, // prettier-ignore
  { method: "post", path: "/sessions", summary: "Opens a session", body: http.openBodySchema, answer: messages.openedSessionSchema, status: 201 }, // prettier-ignore
  { method: "post", path: "/sessions/restore", summary: "A new session that goes on from a snapshot", body: "snapshot", answer: messages.openedSessionSchema, status: 201 }, // prettier-ignore
  { method: "get", path: "/sessions/{id}", summary: "How a session stands", answer: messages.openedSessionSchema, session: true }, // prettier-ignore
  { method: "delete", path: "/sessions/{id}", summary: "Ends a session and forgets it", status: 204, session: true },
  { method: "post", path: "/sessions/{id}/step", summary: "Frames, one per action", body: http.stepBodySchema, answer: FRAMES_TYPE, session: true }, // prettier-ignore
  { method: "post", path: "/step", summary: "One step of several sessions, computed together", body: http.stepTogetherBodySchema, answer: FRAMES_TYPE }, // prettier-ignore
  { method: "post", path: "/sessions/{id}/fork", summary: "A new session with everything this one has", body: http.forkBodySchema, answer: messages.openedSessionSchema, status: 201, session: true }, // prettier-ignore
  { method: "get", path: "/sessions/{id}/snapshot", summary: "Bytes to go on from, here or on a server of the same store", answer: bytes, session: true }, // prettier-ignore
  { method: "get", path: "/sessions/{id}/file", summary: "The session as a file that can be played again", answer: messages.sessionFileSchema, session: true }, // prettier-ignore
  { method: "get", path: "/sessions/{id}/frames/{node}", summary: "The picture of a node", answer: pictures, session: true, picture: true }, // prettier-ignore
  { method: "get", path: "/sessions/{id}/truth/{frame}", summary: "The recording's own frame, where the session began in a recording", answer: pictures, session: true, picture: true }, // prettier-ignore
];

/** The OpenAPI document. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes)
    paths[http.API + route.path] = { ...paths[http.API + route.path], [route.method]: operation(route) };
  const schemas = definitions([http, messages], "#/components/schemas/");
  return {
    openapi: "3.1.0",
    info: {
      title: "A played world",
      version: String(messages.PROTOCOL_VERSION),
      description: `Served by \`vid2world play\`. Playing in real time goes over a WebSocket at ${http.API}/play: see messages.schema.json.`,
    },
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Where the server was started with a token" },
        key: { type: "apiKey", in: "header", name: http.KEY_HEADER, description: "Of the session, from its opening" },
      },
    },
    security: [{}, { token: [] }],
  };
}

/** The JSON Schema of what goes over the WebSocket as text. */
export function messagesDocument(): Json {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Messages of a played world",
    anyOf: [{ $ref: "#/$defs/ClientMessage" }, { $ref: "#/$defs/ServerMessage" }],
    $defs: definitions([messages], "#/$defs/"),
  };
}

function operation(route: Route): Json {
  const { summary, session = false, picture = false, body, answer, status = 200 } = route;
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => {
    const schema = name === "id" ? { type: "string" } : { type: "integer", minimum: 0 };
    return { name, in: "path", required: true, schema };
  });
  const format = { name: "format", in: "query", schema: ref(messages.frameFormatSchema) };
  return {
    summary,
    parameters: [...inPath, ...(picture ? [format] : [])],
    ...(session && { security: [{ key: [] }, { key: [], token: [] }] }),
    ...(body && { requestBody: { required: true, content: content(body) } }),
    responses: {
      [status]: { description: summary, ...(answer && { content: content(answer) }) },
      default: { description: "Refused or failed", content: content(http.httpErrorSchema) },
    },
  };
}

function content(what: z.ZodType | string): Json {
  if (what instanceof z.ZodType) return { "application/json": { schema: ref(what) } };
  const type = { file: "*/*", snapshot: bytes }[what] ?? what;
  return { [type]: { schema: type === json ? { type: "object" } : { type: "string", format: "binary" } } };
}

function ref(schema: z.ZodType): Json {
  return { $ref: `#/components/schemas/${z.globalRegistry.get(schema)?.id ?? ""}` };
}

/** Every named schema of these files, as what a sender may write. */
function definitions(files: readonly object[], prefix: string): Json {
  const named = new Map<string, z.ZodType>();
  for (const value of files.flatMap((file) => Object.values(file) as unknown[])) {
    const id = value instanceof z.ZodType ? z.globalRegistry.get(value)?.id : undefined;
    if (id !== undefined) named.set(id, value as z.ZodType);
  }
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of [...named].sort(([one], [other]) => (one < other ? -1 : 1))) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: (id) => prefix + id, unrepresentable: "any" });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema] as const),
  );
}
