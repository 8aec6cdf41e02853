// The page of the player: static files of its build, the token's way into a cookie, or a plain page where there is no build.

import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { type AccessOptions, TOKEN_COOKIE } from "./access.js";
import { sameText } from "./same-text.js";

/** What the page needs. */
export interface PageOptions {
  readonly folder?: string;
  readonly access: AccessOptions;
}

const PLAIN = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>vid2world</title>
<h1>A world is served here</h1>
<p>The player's page is not built. In a checkout, <code>./vid2world play</code> builds it; the interface for programs is at
<a href="/api/v1/world">/api/v1/world</a>.</p></html>
`;

/** Adds the routes. Only files that were there at the start are served: the names are read once. */
export async function pageRoutes(app: FastifyInstance, { folder, access }: PageOptions): Promise<void> {
  app.addHook("onRequest", async (request, reply) => {
    const { token } = request.query as { token?: unknown };
    if (access.token === undefined || typeof token !== "string" || request.routeOptions.url !== "/") return undefined;
    return keepToken(reply, request.url, token, access.token);
  });
  if (folder === undefined) app.get("/", (_request, reply) => reply.type("text/html").send(PLAIN));
  else await app.register(fastifyStatic, { root: folder, wildcard: false, index: ["index.html"], dotfiles: "deny" });
}

/**
 * The address with the token leads to the one without it, which stays out of the history and of pictures of the screen. The way there is relative:
 * behind a proxy the page may lie under any path.
 */
function keepToken(reply: FastifyReply, address: string, given: string, token: string): FastifyReply {
  if (sameText(given, token))
    void reply.header("set-cookie", `${TOKEN_COOKIE}=${encodeURIComponent(token)}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000`); // prettier-ignore
  const rest = new URLSearchParams(address.split("?")[1]);
  rest.delete("token");
  return reply.header("cache-control", "no-store").redirect(`./${rest.size === 0 ? "" : `?${rest.toString()}`}`);
}
