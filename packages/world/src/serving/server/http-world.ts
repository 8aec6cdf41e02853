// HTTP: what is played here, where it can be started, and whether the server is well.

import type { FastifyInstance } from "fastify";
import { API } from "../protocol/http.js";
import { messagesDocument, openApiDocument } from "../protocol/openapi.js";
import { PROTOCOL_VERSION, type WorldDescription } from "../protocol/messages.js";
import { mediaTypes } from "./frame-encoder.js";
import type { ServerContext } from "./server-context.js";
import { ServingError } from "./serving-error.js";

/** What `GET /api/v1/world` answers. */
export function describeWorld({ engine, limits }: ServerContext): WorldDescription {
  const { checksum: _checksum, stepsRange: _range, latentBytes: _bytes, ...world } = engine.world;
  const { sessions, uploadBytes, uploadPixels, frames } = limits;
  return { ...world, protocol: PROTOCOL_VERSION, limits: { sessions, uploadBytes, uploadPixels, frames } };
}

/** Adds the routes. */
export function worldRoutes(app: FastifyInstance, context: ServerContext): void {
  const { gallery, startPictures } = context;
  app.get(`${API}/openapi.json`, () => openApiDocument());
  app.get(`${API}/messages.schema.json`, () => messagesDocument());
  app.get(`${API}/world`, () => describeWorld(context));
  app.get(`${API}/starts`, () => ({ starts: gallery.entries }));
  app.get(`${API}/starts/:id/picture`, async (request, reply) => {
    const { id } = context.galleryEntry((request.params as { id: string }).id);
    const picture = await startPictures.of(id);
    return reply.type(mediaTypes.jpeg).header("cache-control", "private, max-age=3600").send(picture);
  });
}

/** Adds the routes for operators; they need no token, and tell nothing of sessions but numbers. */
export function operationRoutes(app: FastifyInstance, context: ServerContext, closing: () => boolean): void {
  app.get("/health", () => ({ status: "ok" }));
  app.get("/ready", async () => {
    if (closing()) throw new ServingError("shutting-down", "this server is being stopped");
    const { engines } = await context.engine.load();
    if (engines === 0) throw new ServingError("engine-failed", "no engine runs now; it is being started again");
    return { status: "ready", ...context.sessions.counts };
  });
}

/** Adds `GET /metrics`. */
export function metricsRoute(app: FastifyInstance, { metrics }: ServerContext): void {
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
