// What an HTTP request says, checked: bodies against their schema, a session by its id and key, numbers in a path.

import type { FastifyRequest } from "fastify";
import * as z from "zod";
import { KEY_HEADER } from "../protocol/http.js";
import { clientAddress } from "./client-address.js";
import type { PlayedSession } from "./played-session.js";
import type { ServerContext } from "./server-context.js";
import { ServingError } from "./serving-error.js";

/** A value as its schema wants it. Throws `bad-message` saying what is wrong where. */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ServingError("bad-message", z.prettifyError(result.error).slice(0, 300));
}

/** The session that a request names in its path and proves to own. */
export function sessionOf(request: FastifyRequest, { sessions }: ServerContext): Promise<PlayedSession> {
  const { id = "" } = request.params as { id?: string };
  const key = request.headers[KEY_HEADER];
  return sessions.find(id, typeof key === "string" ? key : "", { address: clientAddress(request.ip) });
}

/** A whole number in a request's path. */
export function numberIn(request: FastifyRequest, name: string): number {
  const text = (request.params as Record<string, string>)[name] ?? "";
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  throw new ServingError("bad-message", `${name}: expected a whole number`);
}
