// HTTP: sessions for programs. Each request names its session in the path and proves that it is its own by the key in a header.

import type { FastifyInstance, FastifyReply } from "fastify";
import { FRAMES_TYPE, packFrames } from "../protocol/frame-packing.js";
import { API, forkBodySchema, openBodySchema, stepBodySchema, stepTogetherBodySchema } from "../protocol/http.js"; // prettier-ignore
import { type FrameFormat, frameFormatSchema } from "../protocol/messages.js";
import { clientRow } from "./actions.js";
import { fewAtOnce } from "./bounded-requests.js";
import { clientAddress } from "./client-address.js";
import { encodePicture, mediaTypes } from "./frame-encoder.js";
import { checked, numberIn, sessionOf } from "./http-input.js";
import type { ServerContext } from "./server-context.js";
import { ServingError, toServingError } from "./serving-error.js";
import { sessionFile } from "./session-file.js";

const ONE = `${API}/sessions/:id`;

/** Adds the routes. */
export function sessionRoutes(app: FastifyInstance, context: ServerContext): void {
  const { sessions, limits } = context;

  app.post(`${API}/sessions`, async (request, reply) => {
    const body = checked(openBodySchema, request.body);
    const session = await sessions.open(await context.opening(body), { address: clientAddress(request.ip) });
    context.metrics.opened.inc({ how: "http" });
    return reply.code(201).send(context.describe(session));
  });

  app.get(ONE, async (request) => context.describe(await sessionOf(request, context)));

  app.delete(ONE, async (request, reply) => {
    await sessions.close(await sessionOf(request, context));
    return reply.code(204).send();
  });

  app.post(`${ONE}/step`, async (request, reply) => {
    const session = await sessionOf(request, context);
    const { actions, from, settings, format } = checked(stepBodySchema, request.body);
    const rows = actions.map((action) => clientRow(context.engine.world.channels, action));
    if (settings) context.checkSettings(settings);
    const { frames, error } = await session.stepAll(rows, { from, settings });
    const drawn = frames.map((frame) => context.frameMessage(frame, format, session));
    return sendFrames(reply, [...drawn, ...(error === undefined ? [] : [Promise.reject(toServingError(error))])]);
  });

  app.post(`${API}/step`, async (request, reply) => {
    const { steps, format } = checked(stepTogetherBodySchema, request.body);
    const wanted = await Promise.all(
      steps.map(async ({ session, key, action, from }) => {
        return {
          session: await sessions.find(session, key, { address: clientAddress(request.ip) }),
          row: clientRow(context.engine.world.channels, action),
          from,
        };
      }),
    );
    const frames = wanted.map(async ({ session, row, from }) => {
      return context.frameMessage(await session.step(row, from), format, session);
    });
    return sendFrames(reply, frames);
  });

  app.post(`${ONE}/fork`, async (request, reply) => {
    const { node } = checked(forkBodySchema, request.body ?? {});
    const fork = await sessions.fork(await sessionOf(request, context), node, { address: clientAddress(request.ip) });
    context.metrics.opened.inc({ how: "fork" });
    return reply.code(201).send(context.describe(fork));
  });

  app.get(`${ONE}/snapshot`, { onRequest: fewAtOnce(limits.snapshots, "snapshots") }, async (request, reply) => {
    const bytes = await sessions.snapshot(await sessionOf(request, context));
    return reply.type("application/octet-stream").send(bytes);
  });

  // A snapshot is large, and in memory before its signature can be looked at.
  const options = { bodyLimit: limits.snapshotBytes, onRequest: fewAtOnce(limits.restores, "snapshots") };
  app.post(`${API}/sessions/restore`, options, async (request, reply) => {
    if (!Buffer.isBuffer(request.body))
      throw new ServingError("bad-message", "the body is the snapshot's bytes, as application/octet-stream");
    const session = await sessions.restore(request.body, { address: clientAddress(request.ip) });
    context.metrics.opened.inc({ how: "restore" });
    return reply.code(201).send(context.describe(session));
  });

  app.get(`${ONE}/frames/:node`, async (request, reply) => {
    const session = await sessionOf(request, context);
    const format = formatOf(request.query, "jpeg");
    const picture = await context.picture(session, numberIn(request, "node"), format);
    // A node never changes.
    return reply.type(mediaTypes[format]).header("cache-control", "private, max-age=86400, immutable").send(picture);
  });

  app.get(`${ONE}/file`, async (request) => {
    const session = await sessionOf(request, context);
    return sessionFile(await session.inTurn(() => session.record()), context.engine.world);
  });

  app.get(`${ONE}/truth/:frame`, async (request, reply) => {
    const session = await sessionOf(request, context);
    const frame = numberIn(request, "frame");
    const format = formatOf(request.query, "jpeg");
    const { gallery, truthFrames } = session;
    if (gallery === undefined || frame >= context.engine.world.contextFrames + truthFrames)
      throw new ServingError("unknown-node", `there is no true frame ${frame} of this session`);
    context.galleryEntry(gallery); // it may have been played on another server
    const picture = await encodePicture(await context.gallery.truth(gallery, frame), context.engine.world, format);
    return reply.type(mediaTypes[format]).header("cache-control", "private, max-age=86400, immutable").send(picture);
  });
}

function formatOf(query: unknown, usual: FrameFormat): FrameFormat {
  return checked(frameFormatSchema, (query as { format?: unknown }).format ?? usual);
}

/** Sends frames, and in the place of those that failed, why; where there is none at all, the first failure. */
async function sendFrames(reply: FastifyReply, frames: readonly Promise<Uint8Array>[]): Promise<FastifyReply> {
  const outcomes = await Promise.allSettled(frames);
  const packed = packFrames(
    outcomes.map((one) => {
      if (one.status === "fulfilled") return one.value;
      const { code, message, cause } = toServingError(one.reason);
      if (cause !== undefined) reply.log.warn({ err: cause }, message);
      return { error: { code, message } };
    }),
  );
  const [first] = outcomes;
  if (first?.status === "rejected" && outcomes.every(({ status }) => status === "rejected")) throw first.reason;
  return reply.type(FRAMES_TYPE).send(packed);
}
