// Puts a server together: fastify with its plugins, the routes, the WebSocket, the page; and takes it down again with its sessions saved.

import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import websocket from "@fastify/websocket";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { EngineEvent } from "../engine-process.js";
import type { Engine } from "../engine.js";
import { API } from "../protocol/http.js";
import { type AccessOptions, checkAccess, checkListening, checkOrigin, isLoopback } from "./access.js";
import { boundRequests } from "./bounded-requests.js";
import { clientAddress } from "./client-address.js";
import type { Gallery } from "./gallery/gallery.js";
import { sessionRoutes } from "./http-sessions.js";
import { uploadRoutes } from "./http-uploads.js";
import { metricsRoute, operationRoutes, worldRoutes } from "./http-world.js";
import { type ServingLimits, usualLimits } from "./limits.js";
import { pageRoutes } from "./page.js";
import { PlayConnection } from "./play-connection.js";
import { ServerContext } from "./server-context.js";
import { ServingError, httpStatus, toServingError } from "./serving-error.js";
import { type SessionStore, memoryStore } from "./session-store.js";

/** What is served, to whom, where. */
export interface ServerOptions {
  readonly engine: Engine;
  readonly gallery: Gallery;
  /** Default 127.0.0.1. Another than loopback needs `token` or `insecure`. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** At least 8 characters. */
  readonly token?: string;
  /** Serves everyone who reaches it, without token. */
  readonly insecure?: boolean;
  /** Origins of pages besides the server's own. */
  readonly origins?: readonly string[];
  /** Whether the last address in `x-forwarded-for` is believed: behind one load balancer of one's own, never otherwise. */
  readonly trustProxy?: boolean;
  /** Folder of the built page; absent: a plain page that says so. */
  readonly page?: string;
  /** Where sessions are saved. Default: in memory, no more than a GiB of them. */
  readonly store?: SessionStore;
  readonly limits?: Partial<ServingLimits>;
  /** Where it logs, a pino logger for instance. Default: nowhere. */
  readonly log?: FastifyBaseLogger;
}

/** A server that runs. */
export interface RunningServer {
  /** `http://127.0.0.1:8765` */
  readonly address: string;
  readonly context: ServerContext;
  /** For the engine to tell what happens to its process, so that players and the log are told. */
  engineEvent(event: EngineEvent): void;
  /** Refuses new sessions, saves the others, ends all connections. The engine is its owner's to shut down. */
  close(): Promise<void>;
}

/** Starts a server. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 0, token, insecure = false, origins = [] } = options;
  checkListening({ host, insecure, ...(token !== undefined && { token }) });
  const access: AccessOptions = {
    ...(token !== undefined && { token }),
    origins,
    localOnly: isLoopback(host) && token === undefined && !insecure,
  };
  const limits = { ...usualLimits, ...(!options.store && { keptBytes: 2 ** 30 }), ...options.limits };
  const patience = limits.requestSeconds * 1000;
  const app = fastify({
    ...(options.log ? { loggerInstance: options.log } : { logger: false }),
    bodyLimit: 2 ** 20,
    // The last address in x-forwarded-for is the proxy's own word; those before it are whatever the client wrote.
    trustProxy: options.trustProxy ? (_address: string, hop: number) => hop === 0 : false,
    requestTimeout: patience,
    http: { headersTimeout: Math.min(60_000, patience), connectionsCheckingInterval: Math.min(30_000, patience) },
    forceCloseConnections: true,
    logController: new LogController({ disableRequestLogging: true }),
  });
  const { engine, gallery, store = memoryStore() } = options;
  const context = new ServerContext({ engine, gallery, store, limits, log: app.log });
  let closing = false;
  await guard(app, limits);
  await app.register((api) => {
    api.addHook("onRequest", (request, _reply, next) => next(refusal(() => checkAccess(request.headers, access))));
    worldRoutes(api, context);
    sessionRoutes(api, context);
    metricsRoute(api, context);
    void api.register((uploads, _options, done) => done(void uploadRoutes(uploads, context)));
    playRoute(api, context);
  });
  await app.register(async (page) => {
    page.addHook("onRequest", (request, _reply, next) => next(refusal(() => checkOrigin(request.headers, access))));
    operationRoutes(page, context, () => closing);
    await pageRoutes(page, { ...(options.page !== undefined && { folder: options.page }), access });
  });
  const address = await app.listen({ host, port });
  context.startPictures.prepare();
  return {
    address,
    context,
    engineEvent(event) {
      if (event.kind === "lost") app.log.error(event, "the engine was lost");
      else app.log.info(event, `the engine ${event.kind === "started" ? "runs" : "has put a session back"}`);
      context.sessions.engineEvent(event);
    },
    async close() {
      closing = true;
      await context.sessions.closeAll();
      for (const client of app.websocketServer.clients) client.close(GOING_AWAY, "this server is being stopped");
      await app.close();
    },
  };
}

/** Headers, limits, and errors that tell no more than they should. */
async function guard(app: FastifyInstance, limits: ServingLimits): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", "blob:", "data:"],
        mediaSrc: ["'self'", "blob:"],
        connectSrc: ["'self'"],
        workerSrc: ["'self'", "blob:"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false, // it speaks plain HTTP; the load balancer in front adds it
    referrerPolicy: { policy: "no-referrer" },
  });
  await app.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    keyGenerator: ({ ip }) => clientAddress(ip),
    errorResponseBuilder: () => new ServingError("too-fast", "too many requests in a minute"),
  });
  await app.register(websocket, {
    options: { maxPayload: limits.messageBytes, perMessageDeflate: false },
    errorHandler: (error, socket, request) => {
      // What ws and the network tell of has a code: too large a message, a connection cut in the middle of one. It is no fault of the server's.
      if ("code" in error) request.log.info({ reason: error.message }, "a connection was ended");
      else request.log.error({ err: error }, "a connection failed");
      socket.terminate();
    },
  });
  boundRequests(app, limits);
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: { code: "bad-message", message: `nothing here; the interface is under ${API}` } }),
  );
  app.setErrorHandler((error, request, reply) => {
    const { code, message } = clientError(error);
    if (code === "internal") request.log.error({ err: error }, "a request failed");
    else request.log.debug({ code, route: request.routeOptions.url }, `refused: ${message}`);
    return reply.code(httpStatus(code)).send({ error: { code, message } });
  });
}

/** What fastify and its plugins throw has a status of its own. */
function clientError(error: unknown): ServingError {
  const { statusCode } = error as { statusCode?: number };
  if (statusCode === 413) return new ServingError("too-large", "the body is larger than this server takes");
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new ServingError(
      "bad-message",
      "the request could not be read: it must be well-formed, of a known content type",
    );
  return toServingError(error);
}

function refusal(check: () => void): ServingError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return toServingError(error);
  }
}

/** `/api/v1/play`: one connection, one session. */
function playRoute(app: FastifyInstance, context: ServerContext): void {
  const connections = new Map<string, number>();
  app.get(`${API}/play`, { websocket: true }, (socket, request) => {
    const address = clientAddress(request.ip);
    const open = (connections.get(address) ?? 0) + 1;
    if (open > context.limits.connectionsPerAddress) return socket.close(1013, "too many connections from one address");
    connections.set(address, open);
    context.metrics.connections.inc();
    context.log.debug({ connections: open }, "a client connected");
    socket.on("close", (code) => {
      context.metrics.connections.dec();
      context.log.debug({ code }, "a client's connection ended");
      const left = (connections.get(address) ?? 1) - 1;
      if (left > 0) connections.set(address, left);
      else connections.delete(address);
    });
    keepAlive(socket);
    return void new PlayConnection(socket, context, address);
  });
}

/** WebSocket close code of a server that goes down. */
const GOING_AWAY = 1001;
const ALIVE_EVERY = 15_000;

/** A client that answers no ping for two beats is gone, whatever its network says. */
function keepAlive(socket: {
  ping(): void;
  terminate(): void;
  on(event: "pong" | "close", listener: () => void): unknown;
}): void {
  let silent = 0;
  const beat = setInterval(() => {
    if (silent++ >= 2) return socket.terminate();
    socket.ping();
  }, ALIVE_EVERY).unref();
  socket.on("pong", () => (silent = 0));
  socket.on("close", () => clearInterval(beat));
}
