// Requests in work and answers that nobody reads, bounded, so that no client fills the memory of a server by asking.

import type { FastifyInstance, onRequestHookHandler } from "fastify";
import { clientAddress } from "./client-address.js";
import type { ServingLimits } from "./limits.js";
import { ServingError } from "./serving-error.js";

/** Adds the bounds to all routes. After the WebSocket's plugin, whose connections are counted for themselves. */
export function boundRequests(app: FastifyInstance, { requestsAtOnce, unreadSeconds }: ServingLimits): void {
  const inWork = new Map<string, number>();
  app.addHook("onRequest", (request, reply, next) => {
    if (request.ws) return next();
    const address = clientAddress(request.ip);
    const others = inWork.get(address) ?? 0;
    if (others >= requestsAtOnce)
      return next(new ServingError("too-fast", "too many requests at once from your address"));
    inWork.set(address, others + 1);
    reply.raw.once("close", () => {
      const left = (inWork.get(address) ?? 1) - 1;
      if (left > 0) inWork.set(address, left);
      else inWork.delete(address);
    });
    next();
  });
  // From when it is sent: what takes long to compute is no fault of the client's.
  app.addHook("onSend", (_request, reply, payload, next) => {
    reply.raw.setTimeout(unreadSeconds * 1000, () => reply.raw.destroy());
    next(null, payload);
  });
}

/** No more than so many requests of a route at once, from all clients together. */
export function fewAtOnce(most: number, of: string): onRequestHookHandler {
  let inWork = 0;
  return (_request, reply, next) => {
    if (inWork >= most) return next(new ServingError("too-fast", `too many ${of} at once; try again`));
    inWork++;
    reply.raw.once("close", () => inWork--);
    next();
  };
}
