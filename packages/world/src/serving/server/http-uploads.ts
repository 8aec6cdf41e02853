// HTTP: pictures, short videos and session files of clients. Whatever a client calls them is not looked at.

import type { FastifyInstance } from "fastify";
import { API } from "../protocol/http.js";
import { fewAtOnce } from "./bounded-requests.js";
import type { ServerContext } from "./server-context.js";
import { ServingError } from "./serving-error.js";

/** Uploads per minute from one address: each starts a process. */
const PER_MINUTE = 30;

/** Adds the route, in a part of its own: here a body of any type is bytes. */
export function uploadRoutes(app: FastifyInstance, { uploads, limits }: ServerContext): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: limits.uploadBytes }, (_request, body, done) =>
    done(null, body),
  );
  const options = {
    bodyLimit: limits.uploadBytes,
    config: { rateLimit: { max: PER_MINUTE, timeWindow: 60_000 } },
    onRequest: fewAtOnce(limits.uploadsAtOnce, "uploads"),
  };
  app.post(`${API}/uploads`, options, async (request, reply) => {
    if (!Buffer.isBuffer(request.body) || request.body.length === 0)
      throw new ServingError("bad-upload", "the body is the file, with a content type");
    return reply.code(201).send(await uploads.add(request.body));
  });
}
